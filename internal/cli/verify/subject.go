package verify

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// subject returns the delivery that is to be judged, and as of when.
func subject(ctx context.Context, env *cli.Env, o Options, j *judge.Judge) (*webhook.Delivery, time.Time, error) {
	d, err := find(ctx, env, o)
	if err != nil {
		return nil, time.Time{}, err
	}
	now, err := moment(env, o, d)
	if err != nil {
		return nil, time.Time{}, err
	}
	if o.URL != "" {
		u, err := address.ParseURL(o.URL)
		if err != nil {
			return nil, time.Time{}, cli.Usagef("--url: %w", err)
		}
		d.URL = u.String()
	}
	extra, err := cli.Headers(o.Headers)
	if err != nil {
		return nil, time.Time{}, err
	}
	maps.Copy(d.Header, extra)
	if o.HasSignature || o.Timestamp != "" {
		err = sign(ctx, j, d, o, now)
	}
	return d, now, err
}

// find reads the request, or the body, that the command line names.
func find(ctx context.Context, env *cli.Env, o Options) (*webhook.Delivery, error) {
	switch {
	case o.Request != "" && o.Subject != "":
		return nil, cli.Usagef("both --request and %q say what to check", o.Subject)
	case o.Request != "":
		return read(env, o.Request, false)
	case o.Subject == "-" || o.Subject != "" && env.IsFile(o.Subject):
		return read(env, o.Subject, o.HasSignature)
	case o.Subject != "":
		d, err := env.Capture(ctx, o.Subject)
		if none, ok := errors.AsType[*cli.Error](err); ok && none.Status == cli.StatusNo {
			return nil, cli.NoBecause(fmt.Errorf("there is no file and no delivery %q", o.Subject), none.Hints...)
		}
		return d, err
	case !env.InTerminal:
		return read(env, "-", o.HasSignature)
	case o.HasSignature:
		return nil, cli.Usagef("no body to check: name a file, or give it on standard input")
	}
	env.Say("no file and nothing on standard input: this is the last capture")
	return env.Capture(ctx, "last")
}

// read reads a file or standard input: the body alone, or a whole request.
func read(env *cli.Env, name string, bare bool) (*webhook.Delivery, error) {
	data, err := env.Input(name)
	if err != nil {
		return nil, err
	}
	if bare {
		return &webhook.Delivery{Method: http.MethodPost, Header: http.Header{}, Body: data}, nil
	}
	if len(data) == 0 {
		return nil, cli.Usage(fmt.Errorf("%s is empty", cli.InputName(name)), "give it a whole request, or a body with --signature")
	}
	d, err := httptext.Parse(data)
	var several *httptext.SeveralError
	if errors.As(err, &several) {
		return nil, cli.Usage(fmt.Errorf("%s: %w", cli.InputName(name), err),
			"hooks events import takes them into the store; hooks verify ID judges each, and hooks events list tells the ids")
	}
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%s: %w", cli.InputName(name), err), "a body alone needs --signature, and --provider if no other is meant")
	}
	return d, nil
}

// sign puts the signature and the timestamp of the command line where the
// provider has them. Without --provider it is the one by whose scheme they are
// right, or else the first whose form they have.
func sign(ctx context.Context, j *judge.Judge, d *webhook.Delivery, o Options, now time.Time) error {
	if j.Provider != nil {
		return place(j.Provider, d, o)
	}
	providers := j.Catalogue.Recognise(judge.Message(d))
	if len(providers) == 0 {
		providers = j.Catalogue.All()
	}
	var formed *provider.Provider
	for _, p := range providers {
		trial := d.Clone()
		if place(p, trial, o) != nil {
			continue
		}
		one := &judge.Judge{
			Catalogue: j.Catalogue, Secrets: j.Secrets, Development: j.Development, Provider: p,
			Tolerance: j.Tolerance, AgeOff: j.AgeOff,
		}
		one.Judge(ctx, trial, now)
		v := trial.Verification
		if v.Status == webhook.Verified {
			formed = p
			break
		}
		if formed == nil && v.Reason == webhook.SignatureMismatch && computed(p) {
			formed = p
		}
	}
	if formed == nil {
		return cli.Usage(errors.New("no provider has a signature of this form"), "--provider says whose it is")
	}
	j.Provider = formed
	return place(formed, d, o)
}

// computed says whether the signatures of p have a form that not every text has.
func computed(p *provider.Provider) bool {
	algorithm := p.Schemes()[0].Spec().Algorithm
	return algorithm != "token" && algorithm != "basic"
}

// place sets the signature and the timestamp in d as p does.
func place(p *provider.Provider, d *webhook.Delivery, o Options) error {
	schemes := p.Schemes()
	if len(schemes) == 0 {
		return cli.Usagef("%s signs nothing", p.ID)
	}
	spec := schemes[0].Spec()
	m := judge.Message(d)
	if o.HasSignature {
		if len(spec.Signature.In) == 0 {
			return cli.Usagef("the signature of %s is no single value: give the whole request with --request", p.ID)
		}
		if err := set(m, spec.Signature.In[0], o.Signature); err != nil {
			return err
		}
	}
	if o.Timestamp != "" {
		if spec.Timestamp.In == "" {
			return cli.Usagef("%s has no timestamp of its own to set", p.ID)
		}
		if err := set(m, spec.Timestamp.In, o.Timestamp); err != nil {
			return err
		}
	}
	d.URL, d.Header, d.Body = m.URL, m.Header, m.Body
	return nil
}

func set(m *scheme.Message, where, value string) error {
	at, err := scheme.ParsePlace(where)
	if err == nil {
		err = at.Set(m, value)
	}
	if err != nil {
		return cli.Usage(err, "give the whole request with --request")
	}
	return nil
}
