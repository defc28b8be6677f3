package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/presence"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Place is where a listener is reached.
type Place struct{ Address, URL string }

// PlaceOf returns where listeners that are bound to at are reached. A host that
// stands for all addresses is no host to call: 127.0.0.1 is one of them.
func PlaceOf(at address.Listen, ls []net.Listener) Place {
	port := strconv.Itoa(intake.Port(ls[0]))
	host := at.Host
	if host == "" {
		host = "127.0.0.1"
	}
	p := Place{Address: net.JoinHostPort(host, port)}
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	p.URL = "http://" + net.JoinHostPort(host, port)
	return p
}

// BindError says what to type where at could not be listened on; command is what
// stands before the address: "hooks listen".
func BindError(err error, at address.Listen, command string) error {
	var taken *intake.PortTakenError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &taken) && taken.Free > 0:
		at.Port = taken.Free
		return Failed(err, "a free one: "+command+" "+at.String(), "any free one: "+command+" :0")
	case errors.As(err, &taken):
		return Failed(err, "any free one: "+command+" :0")
	case errors.As(err, &unknown), errors.Is(err, syscall.EADDRNOTAVAIL):
		return Failed(err, "it has to be an address of this machine: "+command+" :3000, or 0.0.0.0:3000 for all of them")
	case at.Port > 0 && at.Port < 1024:
		return Failed(err, "ports below 1024 may need privileges: "+command+" :3000")
	}
	return Failed(err)
}

// Announce lets other runs know that this one captures into st, from now on
// until leave is called. Where that cannot be, it is told and the run goes on.
func (e *Env) Announce(ctx context.Context, st *store.Store, at Place) (leave func()) {
	from, err := st.Position(ctx)
	if err == nil {
		leave, err = presence.Announce(st.Path(), presence.Listener{
			Address: at.Address, URL: at.URL, Since: e.Now(), From: int64(from), PID: os.Getpid(),
		})
	}
	if err != nil {
		e.Warn("hooks expect will not find this listener: " + err.Error())
		return func() {}
	}
	return leave
}

// A Receiver captures at an address of its own, as hooks listen does, while a
// command does its work. Its captures are in the store.
type Receiver struct {
	Place

	front    *intake.Server
	pipeline *capture.Server
	leave    func()
	stored   chan *webhook.Delivery
	served   chan error
	done     chan struct{} // closed when nobody takes captures any more
	ids      ids.Generator
}

// maxWaiting is how many captures may wait to be taken before senders wait too.
const maxWaiting = 10_000

// Receive starts a Receiver at an address as hooks listen takes it, and tells
// where. All is taken to be from provider, unless that is "".
func (e *Env) Receive(ctx context.Context, addr, provider string, secrets []string) (*Receiver, error) {
	at, err := address.ParseListen(addr)
	if err != nil {
		return nil, Usage(err)
	}
	j, err := e.Judge(provider, "", secrets)
	if err != nil {
		return nil, err
	}
	settings, err := e.Workspace().Settings()
	if err != nil {
		return nil, err
	}
	st, err := e.Workspace().Store(ctx)
	if err != nil {
		return nil, err
	}
	listeners, err := intake.Bind(ctx, at)
	if err != nil {
		return nil, Failed(err, "any free port: :0")
	}
	r := &Receiver{
		Place: PlaceOf(at, listeners), stored: make(chan *webhook.Delivery, maxWaiting),
		served: make(chan error, 1), done: make(chan struct{}),
	}
	r.front = &intake.Server{Limits: intake.Limits{Body: settings.MaxBody(), Memory: capture.BodyMemory}}
	r.pipeline = &capture.Server{
		ReadBody: r.front.ReadBody, Judge: j.Judge, Greet: j.Greet,
		Store: st, NewID: r.ids.New, Now: e.Now,
		Observe: func(ev capture.Event) { r.observe(e, ev) },
	}
	r.front.Handler, r.front.Refused = r.pipeline, r.pipeline.Refused
	r.leave = e.Announce(ctx, st, r.Place)
	go func() { r.served <- r.front.Serve(listeners...) }()
	if at.Loopback() {
		e.Say("listening on %s", r.URL)
	} else {
		e.Say("listening on %s: other machines can reach it", r.Address)
	}
	return r, nil
}

// observe hands captures on.
func (r *Receiver) observe(e *Env, ev capture.Event) {
	switch ev.Kind {
	case capture.Stored:
		if p := ev.Outcome.Problem; p != nil {
			e.Warn(p.Error())
		}
		select {
		case r.stored <- ev.Delivery:
		case <-r.done:
		}
	case capture.Refused:
		e.Verbose("refused with %d: %s", ev.Refusal.Status, ev.Refusal.Text)
	case capture.Noted:
		e.Warn(ev.Note)
	}
}

// Next waits for the next capture.
func (r *Receiver) Next(ctx context.Context) (*webhook.Delivery, error) {
	select {
	case d := <-r.stored:
		return d, nil
	case err := <-r.served:
		return nil, Failed(fmt.Errorf("listen: %w", errors.Join(err, net.ErrClosed)))
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Poll is Next that does not wait: nil if there is none yet.
func (r *Receiver) Poll(context.Context) (*webhook.Delivery, error) {
	select {
	case d := <-r.stored:
		return d, nil
	default:
		return nil, nil // nothing has come, and nothing is wrong
	}
}

// closeTime is how long requests that are under way may take at the end.
const closeTime = 5 * time.Second

// Close lets requests that are under way come to their end. Captures that were
// not taken are in the store all the same.
func (r *Receiver) Close() {
	close(r.done)
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	defer context.AfterFunc(ctx, r.pipeline.Abort)()
	_ = r.front.Shutdown(ctx) // what is cut off is in the store, or was not answered
	r.pipeline.Close()
	r.leave()
}

// Running returns the listeners of the run's store, the first one first. Where
// there is none, nothing is captured.
func (e *Env) Running() ([]presence.Listener, error) {
	path, err := e.Workspace().StorePath()
	if err != nil {
		return nil, err
	}
	return presence.Running(e.Path(path)), nil
}
