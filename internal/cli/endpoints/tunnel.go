package endpoints

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/endpoint"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
)

// An exposure is an app that is reached through a relay and registered there.
type exposure struct {
	*registering
	target *url.URL
	place  *cli.RelayPlace

	mu     sync.Mutex // guards the following, and what is printed
	ready  bool
	up     chan string // the URL, once
	failed error       // of the output
}

// removeTime is how long the removal of the endpoint may take at the end.
const removeTime = 10 * time.Second

// expose registers the public URL of a tunnel, holds the tunnel until ctx ends,
// and removes the endpoint again.
func (r *registering) expose(ctx context.Context) error {
	target, err := address.ParseURL(r.o.URL)
	if err != nil {
		return cli.Usage(err)
	}
	if target.RawQuery != "" || target.Fragment != "" || target.User != nil {
		return cli.Usagef("with --tunnel, URL is an app on this machine, without user, query and fragment")
	}
	f, err := r.fields()
	if err != nil {
		return err
	}
	place, err := r.env.FindRelay(ctx, r.o.Relay, target.String())
	if err != nil {
		return err
	}
	x := &exposure{registering: r, target: target, place: place, up: make(chan string, 1)}
	// The tunnel stays until the endpoint is removed: nothing is sent to an
	// address that leads nowhere.
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	run, err := x.open(alive)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- run() }()
	err = x.hold(ctx, f, ended)
	stop()
	if terr := <-ended; err == nil {
		err = terr
	}
	return err
}

// hold registers the tunnel's address once it is known, and removes it again
// when ctx or the tunnel ends. It leaves the end of the tunnel in ended.
func (x *exposure) hold(ctx context.Context, f endpoint.Fields, ended chan error) error {
	var made []endpoint.Document
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-ended:
		ended <- nil
		return x.place.Ended(err)
	case base := <-x.up:
		text := public(base, x.target, x.provider.Delivery.Path)
		f.URL = &text
		var err error
		if made, err = x.register(ctx, f); err == nil {
			err = x.announce(ctx, made)
		}
		defer x.takeBack(ctx, made)
		if err != nil {
			return err
		}
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		ended <- nil
		return x.place.Ended(err)
	}
}

func (x *exposure) announce(ctx context.Context, made []endpoint.Document) error {
	if err := x.save(ctx, made); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, doc := range made {
		if x.env.Global.WantsJSON() {
			if err := x.env.JSONLine(ctx, doc); err != nil {
				return err
			}
			continue
		}
		if err := x.show(ctx, doc); err != nil {
			return err
		}
	}
	x.env.Say("Ctrl-C removes it again")
	return nil
}

// takeBack removes what was registered.
func (x *exposure) takeBack(ctx context.Context, made []endpoint.Document) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTime)
	defer cancel()
	for _, doc := range made {
		id := doc.Text("id")
		if err := x.client.Delete(ctx, id); err != nil {
			x.env.Warn(id+" is still registered: "+err.Error(), "hooks endpoints delete "+id+x.flags())
			continue
		}
		x.env.Say("removed %s", id)
	}
}

// open makes the tunnel; run holds it.
func (x *exposure) open(ctx context.Context) (run func() error, err error) {
	j, err := x.env.Judge(x.provider.ID, "", nil)
	if err != nil {
		return nil, err
	}
	st, err := x.env.Workspace().Store(ctx)
	if err != nil {
		return nil, err
	}
	var gen ids.Generator
	rec := &tunnel.Recorder{
		Judge: j.Judge, Store: st, IDs: tunnel.IDs{Key: x.place.IDKey, New: gen.New}, Now: x.env.Now,
		Observe: x.observe, Client: x.env.Deliverer(false),
	}
	rec.Forward = tunnel.NewForwarder(tunnel.ForwarderConfig{Target: x.target, Done: rec.Done})
	client := tunnel.New(tunnel.Config{
		Relay: x.place.URL, Token: x.place.Token, Name: x.place.Name, Program: "hooks/" + build.Read().Version,
		Share: wire.Share(x.o.Relay.Share), Instance: x.place.Instance, Key: x.place.Key, Seal: x.o.Relay.Seal, Handler: rec.Forward, Deliver: rec.Deliver, Observe: x.state, Now: x.env.Now,
	})
	return func() error {
		defer x.env.Announce(ctx, st, cli.Place{Address: x.target.Host})()
		err := client.Run(ctx)
		rec.Forward.Close()
		rec.Client.Close()
		rec.Wait()
		return err
	}, nil
}

// state hands the address on once the tunnel stands.
func (x *exposure) state(s tunnel.State) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case s.Phase == tunnel.Reconnecting:
		x.env.Say("reconnecting in %s: %v", render.Duration(s.In.Round(100*time.Millisecond)), s.Err)
	case s.Phase == tunnel.Connected && !x.ready:
		x.ready = true
		x.place.Remember(s.Name)
		x.up <- s.URL
	}
}

// observe tells what comes.
func (x *exposure) observe(e capture.Event) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case e.Kind == capture.Noted:
		x.env.Warn(e.Note)
	case e.Kind != capture.Stored || x.failed != nil:
	case x.env.Global.WantsJSON():
		x.failed = x.env.JSONLine(context.Background(), httptext.Masked(e.Delivery))
	default:
		x.failed = x.env.Print(x.env.View().Line(e.Delivery) + "\n")
	}
}
