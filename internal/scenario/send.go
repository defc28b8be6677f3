package scenario

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A sending is what a send step needs once its links are replaced.
type sending struct {
	r        *runner
	st       *Step
	p        *provider.Provider
	signer   *outgoing.Signer
	drafts   []*webhook.Delivery
	manner   outgoing.Manner
	expected *expected
}

// send sends the events of a step, one after the other or all together.
func (r *runner) send(ctx context.Context, st *Step, res *StepResult) error {
	s, err := r.prepare(ctx, st)
	if err != nil {
		return err
	}
	results := make([]sent, len(s.drafts))
	var wg sync.WaitGroup
	for i := range s.drafts {
		if st.send.together {
			wg.Go(func() { results[i] = s.deliver(ctx, s.drafts[i]) })
			continue
		}
		results[i] = s.deliver(ctx, s.drafts[i])
	}
	wg.Wait()
	for i := range results {
		one := &results[i]
		if one.err != nil {
			return one.err
		}
		r.w.Keep(ctx, one.d)
		r.met(one.last)
		if i == 0 {
			r.remember(st, one.d, one.last.Response)
		}
		res.Sent = append(res.Sent, s.signer.Conceal(one.d))
		if st.send.together {
			res.Duration = max(res.Duration, one.last.Duration)
		} else {
			res.Duration += one.last.Duration
		}
		res.Failures = append(res.Failures, conceal(s.signer, s.expected.judge(one.last))...)
	}
	return nil
}

type sent struct {
	d    *webhook.Delivery
	last deliver.Result
	err  error
}

func (r *runner) prepare(ctx context.Context, st *Step) (*sending, error) {
	q := st.send
	s := &sending{r: r, st: st}
	name, types, err := r.named(q)
	if err != nil {
		return nil, err
	}
	data, err := r.body(q.data)
	if err != nil {
		return nil, err
	}
	if s.p, err = r.w.Provider(ctx, name, types, data); err != nil {
		return nil, r.fault(st, err)
	}
	to, err := r.scope.expand(pick(&q.to, &r.s.to))
	if err != nil {
		return nil, err
	}
	target, err := r.w.Target(to, s.p)
	if err != nil {
		return nil, err
	}
	if err := s.compose(types, data, target); err != nil {
		return nil, err
	}
	if s.signer, err = r.signer(ctx, st, s.p, target); err != nil {
		return nil, err
	}
	s.manner = outgoing.Manner{
		Timeout: first(q.timeout, r.s.timeout, r.w.Timeout, s.p.Delivery.Timeout), Chunked: q.chunked, Slow: q.slow,
	}
	s.expected, err = r.expected(st.expect)
	return s, err
}

func pick(own, general *Text) *Text {
	if own.Empty() {
		return general
	}
	return own
}

// named replaces the links of what says which events are meant.
func (r *runner) named(q *send) (name string, types []string, err error) {
	of := &r.s.provider
	if q.hasProvider {
		of = &q.provider
	}
	if name, err = r.scope.expand(of); err != nil {
		return "", nil, err
	}
	for i := range q.types {
		t, err := r.scope.expand(&q.types[i])
		if err != nil {
			return "", nil, err
		}
		types = append(types, t)
	}
	return name, types, nil
}

// fault places an error that the words of a step have caused.
func (r *runner) fault(st *Step, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	return r.s.placed(st.At, "%v", err)
}

func (s *sending) compose(types []string, data []byte, target *url.URL) error {
	q, r := s.st.send, s.r
	order := outgoing.Order{Provider: s.p, URL: target.String(), Seed: q.seed, Data: data}
	var err error
	if order.ID, err = r.scope.expand(&q.id); err != nil {
		return err
	}
	if order.Header, err = r.headers(q.headers); err != nil {
		return err
	}
	for _, e := range q.edits {
		made, err := r.edit(e)
		if err != nil {
			return err
		}
		order.Edits = append(order.Edits, made)
	}
	at, err := r.scope.expand(&q.timestamp)
	if err != nil {
		return err
	}
	if at != "" {
		if order.At, err = units.ParseTime(at, r.w.Now()); err != nil {
			return r.s.placed(q.timestamp.at, "timestamp: %v", err)
		}
	}
	if order.At.IsZero() && order.Seed == nil {
		order.At = r.w.Now()
	}
	if len(types) == 0 {
		types = []string{""} // that of the body
	}
	for _, t := range types {
		order.Type = t
		d, err := outgoing.Compose(order)
		if err != nil {
			return r.s.placed(s.whose(err), "%v", err)
		}
		for range 1 + q.duplicate {
			s.drafts = append(s.drafts, d)
		}
	}
	if q.shuffle {
		outgoing.Shuffle(s.drafts, q.seed)
	}
	return nil
}

// whose is the place of the edit that failed, else of the step.
func (s *sending) whose(err error) Place {
	if path, ok := errors.AsType[*payload.PathError](err); ok {
		for _, e := range s.st.send.edits {
			if p, perr := payload.ParsePath(e.path); perr == nil && (e.path == path.Path || p.String() == path.Path) {
				return e.at
			}
		}
	}
	return s.st.At
}

func (r *runner) edit(e edit) (payload.Edit, error) {
	path, err := payload.ParsePath(e.path)
	if err != nil {
		return payload.Edit{}, r.s.placed(e.at, "%v", err)
	}
	out := payload.Edit{Path: path, Mode: payload.Keep}
	switch {
	case e.value.isText():
		out.Value, err = r.scope.expand(e.value.text)
	case e.value.raw != nil && string(e.value.raw) != "null":
		out.Value = string(e.value.raw)
	default:
		var b []byte
		b, err = r.scope.json(e.value)
		out.Value, out.Mode = string(b), payload.Raw
	}
	if e.create {
		out.Mode = map[payload.Mode]payload.Mode{payload.Keep: payload.Create, payload.Raw: payload.RawCreate}[out.Mode]
	}
	return out, err
}

// signer makes what signs, wrongly if the step says so.
func (r *runner) signer(ctx context.Context, st *Step, p *provider.Provider, target *url.URL) (*outgoing.Signer, error) {
	q := st.send
	of := &r.s.secret
	if q.hasSecret {
		of = &q.secret
	}
	text, err := r.scope.expand(of)
	if err != nil {
		return nil, err
	}
	signer, err := r.w.Signer(ctx, p, target, text, q.unsigned)
	if err != nil {
		return nil, err
	}
	if signer.At, err = r.signedAt(q); err != nil {
		return nil, err
	}
	signer.Age = q.age
	switch {
	case q.age != 0 && !signer.Timestamped(), q.fault == outgoing.TimestampFault && !signer.Timestamped():
		return nil, r.s.placed(st.At, "%s signs no timestamp", p.ID)
	case q.fault == outgoing.NoFault:
		return signer, nil
	case !signer.Signs():
		return nil, r.s.placed(st.At, "%s signs nothing that tamper could make wrong", p.ID)
	}
	wrong, err := p.SecretForm().New()
	if err != nil {
		return nil, err
	}
	return signer, signer.Break(q.fault, wrong)
}

func (r *runner) signedAt(q *send) (time.Time, error) {
	text, err := r.scope.expand(&q.timestamp)
	if err != nil || text == "" {
		return time.Time{}, err
	}
	return units.ParseTime(text, r.w.Now())
}

// deliver sends one event, as often as its schedule says.
func (s *sending) deliver(ctx context.Context, draft *webhook.Delivery) sent {
	now := s.r.w.Now()
	signed, err := s.sign(draft, now)
	if err != nil {
		return sent{err: s.r.fault(s.st, err)}
	}
	signed.ID, signed.ReceivedAt = s.r.w.NewID(now), now
	next := signed
	out := sent{d: signed}
	out.last, out.err = deliver.Retry{
		Schedule: s.schedule(), Now: s.r.w.Now,
		Attempt: func(ctx context.Context, number int) deliver.Result {
			if number > 1 {
				if again, err := s.sign(draft, s.r.w.Now()); err == nil {
					next = again
				}
			}
			got := s.r.w.Client.Send(ctx, outgoing.Request(next, s.manner), number)
			signed.Attempts = append(signed.Attempts, got.Attempt)
			return got
		},
	}.Run(ctx)
	return out
}

// sign signs d anew as of now, with the verdict on it.
func (s *sending) sign(d *webhook.Delivery, now time.Time) (*webhook.Delivery, error) {
	out, err := s.signer.Sign(d, now)
	if err == nil {
		out.Verification = s.signer.Judge(out, now)
	}
	return out, err
}

func (s *sending) schedule() deliver.Schedule {
	if !s.st.send.retry {
		return deliver.Schedule{}
	}
	rules := &s.p.Delivery
	return deliver.Schedule{
		Waits: rules.Schedule, Scale: s.st.send.timeScale,
		Final: func(status int) bool { return status == http.StatusGone || rules.Stops(status) },
	}
}
