package secret

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// A Given is a secret of the command line.
type Given struct {
	Provider string // "" for every provider
	Secret   safetext.Secret
}

// A Reference is where the settings say that a secret is.
type Reference struct {
	Source string // "hooks.yaml:3"
	Read   func() (safetext.Secret, error)
}

// A Resolver says which secrets a provider has. Every field may be left out.
// It may be used by several goroutines at once if its functions may.
type Resolver struct {
	Given       []Given
	Getenv      func(string) string
	Configured  func(provider string) (Reference, bool)
	Keeper      *Keeper
	Profile     string // its secrets go before those of no profile
	Development *Development
	Now         func() time.Time
}

// For returns the secrets that provider has, the one to sign with first. They
// are all from the first of these that has any: the command line, the variable
// HOOKS_SECRET_PROVIDER, the variable HOOKS_SECRET, the settings, what is kept.
// None is no error: the development secret is left to the caller. An error
// means that it cannot be known which ones there are.
func (r *Resolver) For(ctx context.Context, provider string) ([]Named, error) {
	if list := r.given(provider); len(list) > 0 {
		return list, nil
	}
	for _, name := range []string{Variable(provider), "HOOKS_SECRET"} {
		if text := r.getenv(name); text != "" {
			return []Named{{Name: name, Secret: safetext.NewSecret(text), Source: name}}, nil
		}
	}
	if r.Configured != nil {
		if ref, ok := r.Configured(provider); ok {
			s, err := ref.Read()
			if err != nil {
				return nil, fmt.Errorf("secret of %s, named in %s: %w", provider, ref.Source, err)
			}
			return []Named{{Name: provider, Secret: s, Source: ref.Source}}, nil
		}
	}
	return r.kept(ctx, provider)
}

// given returns what the command line has: what is meant for provider only,
// then what is meant for all.
func (r *Resolver) given(provider string) []Named {
	var own, all []Named
	for _, g := range r.Given {
		n := Named{Name: "--secret", Secret: g.Secret, Source: "--secret"}
		switch g.Provider {
		case provider:
			own = append(own, n)
		case "":
			all = append(all, n)
		}
	}
	return append(own, all...)
}

func (r *Resolver) getenv(name string) string {
	if r.Getenv == nil {
		return ""
	}
	return r.Getenv(name)
}

func (r *Resolver) kept(ctx context.Context, provider string) ([]Named, error) {
	if r.Keeper == nil {
		return nil, nil
	}
	for _, profile := range []string{r.Profile, ""} {
		entries, where, err := r.Keeper.Get(ctx, profile, provider)
		if err != nil {
			return nil, err
		}
		if list := name(provider, entries, where, r.now()); len(list) > 0 || profile == "" {
			return list, nil
		}
	}
	return nil, nil
}

func (r *Resolver) now() time.Time {
	if r.Now == nil {
		return time.Time{}
	}
	return r.Now()
}

// name leaves out what has ended, and tells the newest from the rest.
func name(provider string, entries []Entry, where Where, now time.Time) []Named {
	var list []Named
	for _, e := range entries {
		if !e.NotAfter.IsZero() && !now.Before(e.NotAfter) {
			continue
		}
		n := Named{Name: provider, Secret: e.Secret, Source: string(where), NotAfter: e.NotAfter}
		if len(list) > 0 {
			n.Name += " (previous)"
		}
		list = append(list, n)
	}
	return list
}

// ToSign returns the secrets to sign with towards target: those of For, else
// the development secret if target is this machine, else a *NoSecretError.
func (r *Resolver) ToSign(ctx context.Context, provider string, target *url.URL) ([]Named, error) {
	list, err := r.For(ctx, provider)
	if err != nil || len(list) > 0 {
		return list, err
	}
	if !MayUseDevelopment(target) {
		return nil, &NoSecretError{Provider: provider, Away: true}
	}
	dev, err := r.ForDevelopment(provider)
	if err != nil {
		return nil, err
	}
	return []Named{dev}, nil
}

// ForDevelopment returns the development secret in the form of provider, and
// makes it if there is none yet. A *NoSecretError says that there is no such
// thing for this provider.
func (r *Resolver) ForDevelopment(provider string) (Named, error) {
	if r.Development == nil {
		return Named{}, &NoSecretError{Provider: provider}
	}
	s, err := r.Development.Secret(provider)
	if err != nil {
		return Named{}, err
	}
	return Named{Name: DevelopmentName, Secret: s, Source: DevelopmentName}, nil
}

// Variable is the variable of the environment that holds the secret of one
// provider: HOOKS_SECRET_CANVELETE.
func Variable(provider string) string {
	return "HOOKS_SECRET_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, provider)
}

// check refuses what cannot be a secret.
func check(s safetext.Secret) error {
	switch {
	case s.Empty():
		return errors.New("the secret is empty")
	case len(s.Reveal()) > maxSecret:
		return ErrTooLong
	}
	return nil
}
