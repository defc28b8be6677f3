package workspace

import (
	"context"

	"github.com/hooks-cli/hooks/internal/config"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
)

// KnownSecrets returns every secret that this machine knows, each once under
// the first name that it has: what is kept, what the settings name and what
// stands in variables of ours, of every provider and profile. A place in the
// settings that cannot be read is passed over.
func (w *Workspace) KnownSecrets(ctx context.Context) ([]secret.Named, error) {
	k := known{seen: map[safetext.Secret]bool{}}
	kept, err := w.Keeper().List()
	if err != nil {
		return nil, err
	}
	for _, one := range kept {
		if SignsNothing(one.Name) {
			continue
		}
		entries, where, err := w.Keeper().Get(ctx, one.Profile, one.Name)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			k.add(one.Name, one.Profile, string(where), e.Secret)
		}
	}
	if err := w.configured(&k); err != nil {
		return nil, err
	}
	catalogue, err := w.Catalogue()
	if err != nil {
		return nil, err
	}
	for _, name := range append([]string{"HOOKS_SECRET"}, variables(catalogue.IDs())...) {
		if w.o.Getenv != nil {
			k.add(name, "", name, safetext.NewSecret(w.o.Getenv(name)))
		}
	}
	return k.list, nil
}

func variables(providers []string) []string {
	out := make([]string, len(providers))
	for i, id := range providers {
		out[i] = secret.Variable(id)
	}
	return out
}

// configured adds what the settings of every profile name.
func (w *Workspace) configured(k *known) error {
	profiles, err := w.Profiles()
	if err != nil {
		return err
	}
	for _, profile := range append([]string{""}, profiles...) {
		o := w.configOptions()
		o.Profile = profile
		settings, err := config.Load(o)
		if err != nil {
			return err
		}
		for _, name := range settings.SecretNames() {
			ref, ok := w.reference(settings, name)
			if !ok || SignsNothing(name) {
				continue
			}
			if s, err := ref.Read(); err == nil {
				k.add(name, profile, ref.Source, s)
			}
		}
	}
	return nil
}

type known struct {
	list []secret.Named
	seen map[safetext.Secret]bool
}

func (k *known) add(name, profile, source string, s safetext.Secret) {
	if s.Empty() || k.seen[s] {
		return
	}
	k.seen[s] = true
	if profile != "" {
		name += " of profile " + profile
	}
	k.list = append(k.list, secret.Named{Name: name, Secret: s, Source: source})
}
