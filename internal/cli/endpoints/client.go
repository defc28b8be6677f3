package endpoints

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/endpoint"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/workspace"
)

// A registering is one run of a command.
type registering struct {
	env      *cli.Env
	o        Options
	provider *provider.Provider
	client   *endpoint.Client
}

// connect finds out which API is meant, and with which key.
func connect(ctx context.Context, env *cli.Env, o Options) (*registering, error) {
	r := &registering{env: env, o: o}
	name := o.Provider
	if name == "" {
		settings, err := env.Workspace().Settings()
		if err != nil {
			return nil, err
		}
		if name = settings.Provider(); name == "" {
			return nil, cli.Usage(errors.New("whose endpoints?"), "name the provider: --provider NAME")
		}
	}
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return nil, err
	}
	if r.provider, err = catalogue.Get(name); err != nil {
		return nil, err
	}
	api, base, err := r.choose(ctx)
	if err != nil {
		return nil, err
	}
	key, err := r.key(ctx, api, base)
	if err != nil {
		return nil, err
	}
	r.client = &endpoint.Client{API: api, Base: base, Key: key, HTTP: env.HTTP, Program: "hooks/" + build.Read().Version}
	return r, nil
}

// choose returns the provider's own API if it has the call, else the emulator's
// if that is what listens there.
func (r *registering) choose(ctx context.Context) (api endpoint.API, base *url.URL, err error) {
	own, has := endpoint.Of(r.provider.ID)
	text := r.o.APIURL
	if text == "" {
		text = r.env.Getenv("HOOKS_API_URL")
	}
	given := text != ""
	if !given {
		text = own.Base
	}
	if text == "" {
		return api, nil, r.nowhere(has)
	}
	if base, err = address.ParseURL(text); err != nil {
		return api, nil, cli.Usagef("--api-url: %w", err)
	}
	if base.User != nil {
		return api, nil, cli.Usage(errors.New("--api-url is a URL without user and password"), "the key of the API is HOOKS_API_KEY_PROVIDER")
	}
	if has && own.Can(r.o.Verb) {
		return own, base, nil
	}
	emulated := false
	if given {
		if emulated, err = endpoint.IsEmulator(ctx, r.env.HTTP, base); err != nil {
			return api, nil, cli.Failed(err, "hooks emulate starts an emulator")
		}
	}
	switch {
	case emulated:
		return endpoint.Emulator(), base, nil
	case has:
		return api, nil, cli.Usage(fmt.Errorf("%s has no call for %s", own.Name, r.o.Verb), instead(r.o.Verb), "hooks emulate has all of them")
	}
	return api, nil, cli.Usage(fmt.Errorf("%s is no emulator of hooks, and %s has no API for endpoints: register the URL in the dashboard", safetext.CleanURL(base.String()), r.provider.Name), r.site())
}

// instead is what can be done where an API cannot.
func instead(v endpoint.Verb) string {
	switch v {
	case endpoint.Update:
		return "create another one, then delete this one"
	case endpoint.Test, endpoint.Deliveries:
		return "hooks send sends an event of its kind to any address"
	}
	return "hooks help endpoints tells what there is"
}

// nowhere says that no API is known.
func (r *registering) nowhere(has bool) error {
	if has {
		return cli.Usage(fmt.Errorf("%s has no address of its own", r.provider.Name),
			"name that of the service: --api-url https://api.example.com", "or that of hooks emulate: --api-url http://127.0.0.1:4000")
	}
	return cli.Usage(fmt.Errorf("%s has no API for endpoints: register the URL in the dashboard", r.provider.Name),
		r.site(), "an emulator takes it: hooks emulate "+r.provider.ID+", then --api-url http://127.0.0.1:4000")
}

// site is where the dashboard is, as far as that is known.
func (r *registering) site() string {
	for _, page := range []string{r.provider.Home, r.provider.Docs} {
		if page != "" {
			return "its site: " + page
		}
	}
	return "hooks providers show " + r.provider.ID
}

// key finds the key of the API. One is never sent where it could be read on the
// way without that being told.
func (r *registering) key(ctx context.Context, api endpoint.API, base *url.URL) (safetext.Secret, error) {
	key, err := r.findKey(ctx)
	switch {
	case err != nil:
		return key, err
	case !key.Empty() && base.Scheme == "http" && !address.LoopbackURL(base):
		r.env.Warn("the API key crosses the network to " + base.Host + " in the clear")
	case key.Empty() && address.LoopbackURL(base):
		return safetext.NewSecret("hooks"), nil // an emulator that was given no key takes any
	case key.Empty() && !api.KeyOptional:
		return key, cli.Usage(fmt.Errorf("%s needs a key", api.Name),
			"set "+variable(r.provider.ID)+", or keep it: hooks secrets set "+workspace.APIKeyName(r.provider.ID))
	}
	return key, nil
}

func variable(id string) string {
	return "HOOKS_API_KEY_" + strings.TrimPrefix(secret.Variable(id), "HOOKS_SECRET_")
}

func (r *registering) findKey(ctx context.Context) (safetext.Secret, error) {
	if r.o.Key != "" {
		key, err := r.env.Secret(r.o.Key)
		if err != nil {
			err = cli.WithHints(fmt.Errorf("--api-key: %w", err))
		}
		return key, err
	}
	for _, name := range []string{variable(r.provider.ID), "HOOKS_API_KEY"} {
		if v := r.env.Getenv(name); v != "" {
			return safetext.NewSecret(v), nil
		}
	}
	found, err := r.env.Workspace().Secrets()
	if err != nil {
		return safetext.Secret{}, err
	}
	// The variables of signing secrets are no keys, and must not travel.
	own := secret.Resolver{Configured: found.Configured, Keeper: found.Keeper, Profile: found.Profile, Now: found.Now}
	named, err := own.For(ctx, workspace.APIKeyName(r.provider.ID))
	if err != nil || len(named) == 0 {
		return safetext.Secret{}, err
	}
	return named[0].Secret, nil
}

// meaning gives an error of the API its status and what to try.
func (r *registering) meaning(err error) error {
	var answer *endpoint.AnswerError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, endpoint.ErrNotFound):
		return cli.NoBecause(err, "hooks endpoints list"+r.flags())
	case !errors.As(err, &answer):
		if errors.Is(err, context.Canceled) {
			return err
		}
		return cli.Failed(err)
	case answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden:
		return cli.NoBecause(err, "the key of the API is "+variable(r.provider.ID)+", or what hooks secrets set "+workspace.APIKeyName(r.provider.ID)+" keeps")
	case answer.Status == http.StatusNotFound && r.o.ID != "":
		return cli.NoBecause(err, "hooks endpoints list"+r.flags())
	case answer.Status < http.StatusInternalServerError:
		return cli.NoBecause(err)
	}
	return cli.Failed(err)
}
