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
// bounds the search. All secrets that are known on this machine are tried, and
// with wide the schemes of all other providers too. more adds to what is known
// of the request. It is an error if nothing tells whose signature it should be,
// or no secret of that provider is known.
func (e *Env) Diagnose(ctx context.Context, j *judge.Judge, d *webhook.Delivery, now time.Time, limit time.Duration, wide bool, more ...func(*diagnose.Request)) (diagnose.Report, error) {
	r, err := e.toDiagnose(ctx, j, d, now)
	if err != nil {
		return diagnose.Report{}, err
	}
	others, err := e.otherSecrets(ctx, r.Secrets)
	if err != nil {
		return diagnose.Report{}, err
	}
	r.Others = others
	for _, add := range more {
		add(&r)
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

// Expected returns the header in which the signature of d belongs, and the one
// that it should have by the first secret of its provider. ok is false where
// that cannot be known: with a public key, or for a signature that stands
// elsewhere. Only a person at a terminal who asked for it may see it.
func (e *Env) Expected(ctx context.Context, j *judge.Judge, d *webhook.Delivery, now time.Time) (name, value string, ok bool, err error) {
	r, err := e.toDiagnose(ctx, j, d, now)
	if err != nil {
		return "", "", false, err
	}
	name, value, ok = diagnose.Expected(r)
	return name, value, ok, nil
}

// toDiagnose is d as the search for causes takes it.
func (e *Env) toDiagnose(ctx context.Context, j *judge.Judge, d *webhook.Delivery, now time.Time) (diagnose.Request, error) {
	p := j.Provider
	if p == nil {
		var err error
		if p, err = j.Catalogue.Get(d.Provider); err != nil {
			return diagnose.Request{}, Usage(errors.New("nothing tells which provider's signature this should be"), "--provider says whose it is; hooks providers list shows them")
		}
	}
	own, err := ownSecrets(ctx, j, p.ID)
	if err != nil {
		return diagnose.Request{}, err
	}
	if len(own) == 0 {
		return diagnose.Request{}, Usage(fmt.Errorf("no secret is known for %s", p.ID), "give --secret env:NAME, or keep it: hooks secrets set "+p.ID)
	}
	return diagnose.Request{Message: judge.Message(d), Provider: p, Secrets: own, Now: now, Tolerance: j.Tolerance, AgeOff: j.AgeOff}, nil
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

// otherSecrets are all that are known on this machine besides own.
func (e *Env) otherSecrets(ctx context.Context, own []diagnose.Secret) ([]diagnose.Secret, error) {
	all, err := e.Workspace().KnownSecrets(ctx)
	if err != nil {
		return nil, err
	}
	var out []diagnose.Secret
	for _, n := range all {
		if !slices.ContainsFunc(own, func(s diagnose.Secret) bool { return s.Secret == n.Secret }) {
			out = append(out, diagnose.Secret{Name: n.Name, Secret: n.Secret})
		}
	}
	return out, nil
}
