package tunnel

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/wire"
	"github.com/hooks-cli/hooks/internal/workspace"
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
	relay, err := relayURL(env, opts)
	if err != nil {
		return err
	}
	if sameAddress(target, relay) {
		return cli.Usagef("the target is the relay itself: the tunnel would lead in a circle")
	}
	token, err := relayToken(ctx, env, opts)
	if err != nil {
		return err
	}
	if err := checkOptions(env, opts, relay, token); err != nil {
		return err
	}
	since, err := sinceTime(env, opts)
	if err != nil {
		return err
	}
	memory := openMemory(env)
	place := relay.String() + " " + target.String()
	h := &host{env: env, opts: opts, relay: relay, target: target, memory: memory, place: place}
	rec, err := h.recorder(ctx)
	if err != nil {
		return err
	}
	name := opts.Name
	if name == "" {
		name = memory.name(place)
	}
	if token.Empty() {
		token = memory.key()
	}
	client := tunnel.New(tunnel.Config{
		Relay: relay, Token: token, Name: name, Program: "hooks/" + build.Read().Version,
		Mode: wire.Mode(opts.Mode), Share: wire.Share(opts.Share), Parallel: opts.Parallel, AcceptStatus: opts.AcceptStatus,
		Since: since, Handler: h.handler(rec), Deliver: rec.Deliver, Observe: h.state, NoRetry: opts.NoRetry, Now: env.Now,
		TLS: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: opts.Insecure}, //nolint:gosec // asked for by the person, for one command
	})
	err = client.Run(ctx)
	rec.Forward.Close()
	rec.Client.Close()
	rec.Wait()
	return h.end(err, token, opts)
}

// relayURL finds the relay.
func relayURL(env *cli.Env, opts Options) (*url.URL, error) {
	text := opts.Relay
	if text == "" {
		settings, err := env.Workspace().Settings()
		if err != nil {
			return nil, err
		}
		text = settings.Relay()
	}
	if text == "" {
		return nil, cli.Usage(errors.New("no relay to go through"),
			"give --relay URL, set HOOKS_RELAY, or hooks config set relay URL",
			"hooks relay starts one, on this machine or on a server of yours")
	}
	u, err := address.ParseURL(text)
	switch {
	case err != nil:
		return nil, cli.Usage(fmt.Errorf("--relay: %w", err))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, cli.Usagef("--relay is a URL without user, query and fragment")
	}
	return u, nil
}

// relayToken finds the token; it is empty if there is none.
func relayToken(ctx context.Context, env *cli.Env, opts Options) (safetext.Secret, error) {
	switch {
	case opts.Token != "":
		s, err := env.Secret(opts.Token)
		if err != nil {
			return s, cli.WithHints(fmt.Errorf("--token: %w", err))
		}
		return s, nil
	case env.Getenv("HOOKS_RELAY_TOKEN") != "":
		return safetext.NewSecret(env.Getenv("HOOKS_RELAY_TOKEN")), nil
	}
	found, err := env.Workspace().Secrets()
	if err != nil {
		return safetext.Secret{}, err
	}
	// The variables of signing secrets are no tokens, and must not travel.
	own := secret.Resolver{Configured: found.Configured, Keeper: found.Keeper, Profile: found.Profile, Now: found.Now}
	named, err := own.For(ctx, workspace.RelayName)
	if err != nil || len(named) == 0 {
		return safetext.Secret{}, err
	}
	return named[0].Secret, nil
}

func checkOptions(env *cli.Env, opts Options, relay *url.URL, token safetext.Secret) error {
	switch {
	case opts.Parallel < 1 || opts.Parallel > 64:
		return cli.Usagef("--parallel is a number from 1 to 64")
	case opts.AcceptStatus != 200 && opts.AcceptStatus != 202 && opts.AcceptStatus != 204:
		return cli.Usagef("--accept-status is 200, 202 or 204")
	}
	if opts.Token != "" && cli.IsLiteral(opts.Token) && (env.InTerminal || env.ErrTerminal) {
		env.WarnOnce("other users of this machine can read --token in the list of processes",
			"keep it once: hooks secrets set relay")
	}
	if relay.Scheme == "http" && !address.LoopbackURL(relay) {
		what := "requests cross"
		if !token.Empty() {
			what = "the token and all requests cross"
		}
		env.Warn(what + " the network to " + relay.Host + " in the clear")
	}
	return env.GiveSecrets(opts.Secrets)
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
	port := func(u *url.URL) string {
		if p := u.Port(); p != "" {
			return p
		}
		return map[bool]string{true: "443", false: "80"}[u.Scheme == "https"]
	}
	return port(a) == port(b) && (a.Hostname() == b.Hostname() || address.LoopbackURL(a) && address.LoopbackURL(b))
}

// recorder puts together what a delivery goes through.
func (h *host) recorder(ctx context.Context) (*tunnel.Recorder, error) {
	env, w := h.env, h.env.Workspace()
	j, err := h.judge()
	if err != nil {
		return nil, err
	}
	kept, err := w.Store(ctx)
	if err != nil {
		return nil, cli.Failed(err)
	}
	var gen ids.Generator
	rec := &tunnel.Recorder{
		Judge: j.Judge, Store: kept, NewID: gen.New, Now: env.Now, Observe: h.observe, Key: h.memory.idKey(),
		VerifiedOnly: h.opts.VerifiedOnly, Client: env.Deliverer(h.opts.Insecure), Retry: h.opts.Retry,
	}
	rec.Forward = tunnel.NewForwarder(tunnel.ForwarderConfig{
		Target: h.target, PreserveHost: h.opts.HostHeader == "preserve", Insecure: h.opts.Insecure, Done: rec.Done,
	})
	return rec, nil
}

var _ tunnel.Store = (*store.Store)(nil)

func (h *host) judge() (*judge.Judge, error) {
	w := h.env.Workspace()
	catalogue, err := w.Catalogue()
	if err != nil {
		return nil, err
	}
	secrets, err := w.Secrets()
	if err != nil {
		return nil, err
	}
	settings, err := w.Settings()
	if err != nil {
		return nil, err
	}
	j := &judge.Judge{Catalogue: catalogue, Secrets: secrets.For, Development: secrets.ForDevelopment}
	if d, set := settings.Tolerance(); set {
		j.Tolerance, j.AgeOff = d, d == 0
	}
	name := h.opts.Provider
	if name == "" {
		return j, nil
	}
	j.Provider, err = catalogue.Get(name)
	return j, err
}

func (h *host) handler(rec *tunnel.Recorder) http.Handler {
	if h.opts.VerifiedOnly {
		return rec.Gate(rec.Forward, maxBody)
	}
	return rec.Forward
}

// end gives the error that the client ended with its meaning.
func (h *host) end(err error, token safetext.Secret, opts Options) error {
	h.summary()
	var r *tunnel.RefusedError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &r):
		return cli.Failed(err)
	case r.Status == http.StatusUnauthorized && opts.Token == "" && token == h.memory.key():
		return cli.Failed(err, "the relay wants a token: hooks secrets set relay, or --token env:NAME")
	case r.Status == http.StatusUnauthorized:
		return cli.Failed(err, "hooks relay token list shows which tokens the relay has")
	case r.Status == http.StatusConflict:
		return cli.Failed(err, "choose another --name")
	case r.Status == http.StatusBadRequest:
		return cli.Usage(err)
	}
	return cli.Failed(err)
}
