package cli

import (
	"context"
	"sync"

	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/units"
)

// Judge returns a judge that knows the secrets of the run, --secret values
// among them, and takes everything to be from provider, unless that is "".
// tolerance is the text of --tolerance: a duration, "off", or "" for that of
// the settings. The judge is safe for concurrent use.
func (e *Env) Judge(provider, tolerance string, secrets []string) (*judge.Judge, error) {
	if err := e.GiveSecrets(secrets); err != nil {
		return nil, err
	}
	catalogue, err := e.Workspace().Catalogue()
	if err != nil {
		return nil, err
	}
	resolver, err := e.Workspace().Secrets()
	if err != nil {
		return nil, err
	}
	j := &judge.Judge{Catalogue: catalogue}
	var mu sync.Mutex // held while secrets are read and kept: that is not made for several at once
	j.Secrets = func(ctx context.Context, id string) ([]secret.Named, error) {
		mu.Lock()
		defer mu.Unlock()
		return resolver.For(ctx, id)
	}
	j.Development = func(id string) (secret.Named, error) {
		mu.Lock()
		defer mu.Unlock()
		return resolver.ForDevelopment(id)
	}
	j.Keep = func(ctx context.Context, id string, s safetext.Secret) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		where, err := e.Workspace().Keeper().Set(ctx, e.Workspace().Profile(), id, s, false)
		if where == secret.InFile {
			return "secrets file", err
		}
		return string(where), err
	}
	if provider != "" {
		if j.Provider, err = catalogue.Get(provider); err != nil {
			return nil, err
		}
	}
	return j, e.tolerance(j, tolerance)
}

func (e *Env) tolerance(j *judge.Judge, text string) error {
	switch text {
	case "":
		settings, err := e.Workspace().Settings()
		if err != nil {
			return err
		}
		j.Tolerance, _ = settings.Tolerance()
		return nil
	case "off":
		j.AgeOff = true
		return nil
	}
	d, err := units.ParseDuration(text)
	if err != nil {
		return Usagef("--tolerance: %w", err)
	}
	j.Tolerance, j.AgeOff = d, d == 0
	return nil
}
