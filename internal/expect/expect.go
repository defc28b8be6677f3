// Package expect waits for captures: so many that match, or none.
//
// It is told of captures one after the other, in the order in which they were
// stored, and ends as soon as the outcome is certain. Where they come from, and
// what the outcome means, is for others to say.
package expect

import (
	"context"
	"fmt"

	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Want says which captures are waited for, and how many.
type Want struct {
	Pattern  match.Pattern
	Provider string // "": any
	Verified bool
	Filters  []*match.Filter // all have to hold

	Least int // so many have to come
	Most  int // more must not come; negative: there is no such limit
}

// Why says why d is none of the captures that are waited for, "" if it is one.
// The text can be printed.
func (w *Want) Why(d *webhook.Delivery) string {
	switch {
	case w.Provider != "" && d.Provider != w.Provider:
		return fmt.Sprintf("it is %s, not from %s", origin(d.Provider), w.Provider)
	case !w.Pattern.Match(d.Provider, d.EventType):
		return fmt.Sprintf("it is %s, not %s", kind(d), safetext.Line(w.Pattern.String()))
	case w.Verified && d.Verification.Status != webhook.Verified:
		return verdict(d.Verification)
	}
	for _, f := range w.Filters {
		if ok, note := f.Match(d); !ok {
			if note != "" {
				return safetext.Line(note)
			}
			return safetext.Line(f.String()) + " does not hold"
		}
	}
	return ""
}

func origin(provider string) string {
	if provider == "" {
		return "of no known provider"
	}
	return "from " + safetext.Line(provider)
}

func kind(d *webhook.Delivery) string {
	switch {
	case d.EventType == "" && d.Provider == "":
		return "no event of a known provider"
	case d.EventType == "":
		return "no known event of " + safetext.Line(d.Provider)
	case d.Provider == "":
		return safetext.Line(d.EventType)
	}
	return safetext.Line(d.Provider + ":" + d.EventType)
}

func verdict(v webhook.Verification) string {
	text := "it is " + string(v.Status) + ", not verified"
	if v.Reason != "" {
		text += ": " + string(v.Reason)
	}
	return text
}

// met says whether n captures are what is wanted.
func (w *Want) met(n int) bool { return n >= w.Least && (w.Most < 0 || n <= w.Most) }

// certain says whether more captures cannot change that.
func (w *Want) certain(n int) bool {
	if w.Most < 0 {
		return n >= w.Least
	}
	return n > w.Most
}

// A Source has captures in the order in which they were stored.
type Source interface {
	// Next waits for the next one; its error is that of ctx when that ends.
	Next(ctx context.Context) (*webhook.Delivery, error)
	// Poll is Next that does not wait: nil if there is none yet.
	Poll(ctx context.Context) (*webhook.Delivery, error)
}

// maxOthers is how many captures that did not match are kept for the account.
const maxOthers = 20

// An Other is a capture that did not match, and why.
type Other struct {
	Delivery *webhook.Delivery
	Why      string
}

// An Outcome is what came.
type Outcome struct {
	Met     bool
	Matched []*webhook.Delivery
	Others  []Other // the newest that did not match
	Omitted int     // others that are not listed
}

// Wait takes captures from src until the outcome is certain or limit has ended,
// and looks once more at what is there then. seen is told each capture that
// matches, at once. The error is that of ctx or of src; the Outcome then says
// what had come so far and is not met.
func (w *Want) Wait(ctx, limit context.Context, src Source, seen func(*webhook.Delivery) error) (Outcome, error) {
	var out Outcome
	for !w.certain(len(out.Matched)) {
		waits := limit.Err() == nil
		d, err := take(ctx, limit, src)
		switch {
		case ctx.Err() != nil:
			return out, ctx.Err()
		case err != nil && waits && limit.Err() != nil:
			continue // the time is over: now for the last look
		case err != nil:
			return out, err
		case d == nil:
			out.Met = w.met(len(out.Matched))
			return out, nil
		}
		if err := out.take(w, d, seen); err != nil {
			return out, err
		}
	}
	out.Met = w.met(len(out.Matched))
	return out, nil
}

func take(ctx, limit context.Context, src Source) (*webhook.Delivery, error) {
	if limit.Err() != nil {
		return src.Poll(ctx)
	}
	return src.Next(limit)
}

func (o *Outcome) take(w *Want, d *webhook.Delivery, seen func(*webhook.Delivery) error) error {
	if why := w.Why(d); why != "" {
		if len(o.Others) == maxOthers {
			o.Others, o.Omitted = o.Others[1:], o.Omitted+1
		}
		o.Others = append(o.Others, Other{d, why})
		return nil
	}
	o.Matched = append(o.Matched, d)
	return seen(d)
}
