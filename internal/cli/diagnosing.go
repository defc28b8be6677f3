package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Diagnose finds out why d, which j has judged as of now, is not valid; limit
// bounds the search. All secrets that are kept on this machine are tried, and
// with wide the schemes of all other providers too. It is an error if nothing
// tells whose signature it should be, or no secret of that provider is known.
func (e *Env) Diagnose(ctx context.Context, j *judge.Judge, d *webhook.Delivery, now time.Time, limit time.Duration, wide bool) (diagnose.Report, error) {
	p := j.Provider
	if p == nil {
		var err error
		if p, err = j.Catalogue.Get(d.Provider); err != nil {
			return diagnose.Report{}, Usage(errors.New("nothing tells which provider's signature this should be"), "--provider says whose it is; hooks providers list shows them")
		}
	}
	own, err := ownSecrets(ctx, j, p.ID)
	if err != nil {
		return diagnose.Report{}, err
	}
	if len(own) == 0 {
		return diagnose.Report{}, Usage(fmt.Errorf("no secret is known for %s", p.ID), "give --secret env:NAME, or keep it: hooks secrets set "+p.ID)
	}
	others, err := e.otherSecrets(ctx, own)
	if err != nil {
		return diagnose.Report{}, err
	}
	r := diagnose.Request{
		Message: judge.Message(d), Provider: p, Secrets: own, Others: others, Now: now, Tolerance: j.Tolerance,
	}
	if wide {
		r.Providers = j.Catalogue.All()
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	report := diagnose.Explain(limited, r)
	if ctx.Err() != nil {
		return report, ctx.Err()
	}
	return report, nil
}

// ownSecrets are those that the request should verify with.
func ownSecrets(ctx context.Context, j *judge.Judge, id string) ([]diagnose.Secret, error) {
	list, err := j.Secrets(ctx, id)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		if one, err := j.Development(id); err == nil {
			list = []secret.Named{one}
		}
	}
	var out []diagnose.Secret
	for _, n := range list {
		out = append(out, diagnose.Secret{Name: n.Name, Secret: n.Secret})
	}
	return out, nil
}

// otherSecrets are all that are kept on this machine besides own, of every
// provider and profile.
func (e *Env) otherSecrets(ctx context.Context, own []diagnose.Secret) ([]diagnose.Secret, error) {
	kept, err := e.Workspace().Keeper().List()
	if err != nil {
		return nil, err
	}
	var out []diagnose.Secret
	for _, k := range kept {
		entries, _, err := e.Workspace().Keeper().Get(ctx, k.Profile, k.Name)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			known := func(s diagnose.Secret) bool { return s.Secret == entry.Secret }
			if slices.ContainsFunc(own, known) || slices.ContainsFunc(out, known) {
				continue
			}
			name := k.Name
			if k.Profile != "" {
				name += " of profile " + k.Profile
			}
			out = append(out, diagnose.Secret{Name: name, Secret: entry.Secret})
		}
	}
	return out, nil
}
