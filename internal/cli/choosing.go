package cli

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/secret"
)

// defaultHost is where an app under development is taken to listen.
const defaultHost = "http://127.0.0.1:3000"

// ChooseProvider returns the provider whose event is to be signed: the one that
// is named, else that of the settings, else the one that sends events of these
// types, or the event that data is; others are the names of those that would do
// too, for TellChoice.
func (e *Env) ChooseProvider(ctx context.Context, name string, types []string, data []byte) (p *provider.Provider, others []string, err error) {
	settings, err := e.Workspace().Settings()
	if err != nil {
		return nil, nil, err
	}
	catalogue, err := e.Workspace().Catalogue()
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		name = settings.Provider()
	}
	if name != "" {
		p, err = catalogue.Get(name)
		return p, nil, err
	}
	resolver, err := e.Workspace().Secrets()
	if err != nil {
		return nil, nil, err
	}
	ids, err := outgoing.Choose(catalogue, types, data, func(id string) bool { return hasOwn(ctx, resolver, id) })
	if err != nil {
		return nil, nil, choiceError(err)
	}
	p, err = catalogue.Get(ids[0])
	return p, ids[1:], err
}

// TellChoice says which provider was chosen where others would do. It is for
// when the work begins: a mistake in the command line is told alone.
func (e *Env) TellChoice(p *provider.Provider, others []string) {
	if len(others) > 0 {
		e.Say("provider %s (--provider chooses another: %s)", p.ID, strings.Join(others, ", "))
	}
}

// hasOwn says whether a secret is known that is meant for this provider. One
// that cannot be read is as good as none here: signing will say what is wrong.
func hasOwn(ctx context.Context, r *secret.Resolver, id string) bool {
	for _, g := range r.Given {
		if g.Provider == id {
			return true
		}
	}
	list, err := r.For(ctx, id)
	return err == nil && len(list) > 0 && list[0].Name != "--secret" && list[0].Name != "HOOKS_SECRET"
}

func choiceError(err error) error {
	var unknown *outgoing.UnknownTypeError
	switch {
	case errors.Is(err, outgoing.ErrNoEvent):
		return Usage(err, "give --event TYPE, for example --event render.completed, or a body with --data", "hooks providers list shows whose events there are")
	case errors.Is(err, outgoing.ErrUnknownBody):
		return Usage(err, "name the provider: --provider NAME; hooks providers list shows them")
	case errors.As(err, &unknown) && unknown.Nearest == "":
		return Usage(err, "hooks providers list shows whose events there are; an event of your own needs --provider and --data")
	}
	return Usage(err)
}

// Target returns the address to deliver to: the one that was typed, else that
// of the settings, else the usual one of p on this machine, which is told.
func (e *Env) Target(typed string, p *provider.Provider) (*url.URL, error) {
	if typed != "" {
		u, err := address.ParseURL(typed)
		if err != nil {
			return nil, Usage(err)
		}
		return u, nil
	}
	settings, err := e.Workspace().Settings()
	if err != nil {
		return nil, err
	}
	to := settings.To()
	if to == "" {
		to = defaultHost
		if p != nil {
			to += p.Delivery.Path
		}
	}
	u, err := address.ParseURL(to)
	if err != nil {
		return nil, Usage(err)
	}
	return u, nil
}

// Signer returns what signs as p does towards target, and the secrets that it
// signs with; none, if unsigned says so or p signs nothing. A development
// secret signs only what stays on this machine.
func (e *Env) Signer(ctx context.Context, p *provider.Provider, target *url.URL, unsigned bool) (*outgoing.Signer, []secret.Named, error) {
	if unsigned || len(p.Schemes()) == 0 {
		s, err := outgoing.NewSigner(p)
		return s, nil, err
	}
	resolver, err := e.Workspace().Secrets()
	if err != nil {
		return nil, nil, err
	}
	named, err := resolver.ToSign(ctx, p.ID, target)
	if err != nil {
		return nil, nil, err
	}
	list := make([]provider.NamedSecret, len(named))
	for i, n := range named {
		list[i] = provider.NamedSecret{Name: n.Name, Secret: n.Secret}
	}
	s, err := outgoing.NewSigner(p, list...)
	if err != nil {
		return nil, nil, Usage(err)
	}
	s.Rand = e.Rand
	return s, named, nil
}

// SignedByDevelopment is said where an app refused what the development secret
// of a provider signed.
func SignedByDevelopment(providerID string) string {
	return "signed with the development secret; give the app the same: hooks secrets get " + providerID +
		", or sign with the app's: --secret env:NAME"
}
