package tunnel

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/wire"
)

// maxBody is the largest body that is judged before it is passed on.
const maxBody = 25 << 20

// Run holds the tunnel until ctx ends.
func Run(ctx context.Context, env *cli.Env, opts Options) error {
	target, err := address.ParseURL(opts.Target)
	if err != nil {
		return cli.Usage(err)
	}
	if target.RawQuery != "" || target.Fragment != "" || target.User != nil {
		return cli.Usagef("TARGET is a port, or a URL without user, query and fragment")
	}
	if err := checkOptions(opts); err != nil {
		return err
	}
	place, err := env.FindRelay(ctx, opts.Relay, target.String())
	if err != nil {
		return err
	}
	if sameAddress(target, place.URL) {
		return cli.Usagef("the target is the relay itself: the tunnel would lead in a circle")
	}
	since, err := sinceTime(env, opts)
	if err != nil {
		return err
	}
	h := &host{env: env, opts: opts, target: target, place: place}
	rec, err := h.recorder(ctx)
	if err != nil {
		return err
	}
	client := tunnel.New(tunnel.Config{
		Relay: place.URL, Token: place.Token, Name: place.Name, Program: "hooks/" + build.Read().Version,
		Mode: wire.Mode(opts.Mode), Share: wire.Share(opts.Relay.Share), Instance: place.Instance, Key: place.Key, Seal: opts.Relay.Seal, Parallel: opts.Parallel, AcceptStatus: opts.AcceptStatus, SkipPoison: opts.SkipPoison,
		Since: since, Handler: h.handler(rec), Deliver: rec.Deliver, Observe: h.state, NoRetry: opts.NoRetry, Now: env.Now,
		TLS: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: opts.Insecure}, //nolint:gosec // asked for by the person, for one command
	})
	leave := env.Announce(ctx, h.kept, cli.Place{Address: target.Host})
	err = client.Run(ctx)
	leave()
	rec.Forward.Close()
	rec.Client.Close()
	rec.Wait()
	h.summary()
	return h.place.Ended(err)
}

func checkOptions(opts Options) error {
	switch {
	case opts.Parallel < 1 || opts.Parallel > 64:
		return cli.Usagef("--parallel is a number from 1 to 64")
	case opts.SkipPoison && !opts.Retry:
		return cli.Usagef("--skip-poison belongs to --retry: without it any answer of the app completes an event")
	case opts.AcceptStatus != 200 && opts.AcceptStatus != 202 && opts.AcceptStatus != 204:
		return cli.Usagef("--accept-status is 200, 202 or 204")
	}
	return nil
}

func sinceTime(env *cli.Env, opts Options) (time.Time, error) {
	if opts.Since == "" {
		return time.Time{}, nil
	}
	t, err := units.ParseTime(opts.Since, env.Now())
	if err != nil {
		return time.Time{}, cli.Usage(fmt.Errorf("--since: %w", err))
	}
	return t, nil
}

// sameAddress says whether two URLs lead to one port of this machine, or are
// spelled alike.
func sameAddress(a, b *url.URL) bool {
	return address.Port(a) == address.Port(b) && (a.Hostname() == b.Hostname() || address.LoopbackURL(a) && address.LoopbackURL(b))
}

// recorder puts together what a delivery goes through.
func (h *host) recorder(ctx context.Context) (*tunnel.Recorder, error) {
	env, w := h.env, h.env.Workspace()
	j, err := h.env.Judge(h.opts.Provider, "", h.opts.Secrets)
	if err != nil {
		return nil, err
	}
	if h.kept, err = w.Store(ctx); err != nil {
		return nil, cli.Failed(err)
	}
	var gen ids.Generator
	rec := &tunnel.Recorder{
		Judge: j.Judge, Store: h.kept, IDs: tunnel.IDs{Key: h.place.IDKey, New: gen.New}, Now: env.Now, Observe: h.observe,
		VerifiedOnly: h.opts.VerifiedOnly, Client: env.Deliverer(h.opts.Insecure), Retry: h.opts.Retry,
	}
	rec.Forward = tunnel.NewForwarder(tunnel.ForwarderConfig{
		Target: h.target, PreserveHost: h.opts.HostHeader == "preserve", Insecure: h.opts.Insecure, Done: rec.Done,
	})
	return rec, nil
}

var _ tunnel.Store = (*store.Store)(nil)

func (h *host) handler(rec *tunnel.Recorder) http.Handler {
	if h.opts.VerifiedOnly {
		return rec.Gate(rec.Forward, maxBody)
	}
	return rec.Forward
}
