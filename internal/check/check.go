// Package check finds out whether a webhook handler does what it must: it sends
// it real requests, good and bad, as a provider would or as somebody would who
// pretends to be one, and judges the answers.
//
// Everything is made from the provider's definition. Run returns data; each
// result says what was sent, what came, why it matters and what to change, and
// holds neither a secret nor a signature that the app should have kept to
// itself. A failing endpoint never ends a run.
package check

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/provider"
)

// A Level says what a failed case means for the whole.
type Level string

// The levels.
const (
	Required Level = "required" // a handler that fails it does not pass
	Advice   Level = "advice"   // it is only told
)

// A Status is the outcome of a case.
type Status string

// The outcomes.
const (
	Passed  Status = "passed"
	Failed  Status = "failed"
	Skipped Status = "skipped" // it does not apply, or could prove nothing
)

// A Case is one thing that a handler has to do.
type Case struct {
	ID      string `json:"id"`
	Level   Level  `json:"level"`
	Sends   string `json:"sends"`
	Expects string `json:"expects"`
}

// A Result is what became of a case.
type Result struct {
	ID        string `json:"id"`
	Level     Level  `json:"level"`
	Status    Status `json:"status"`
	Expected  string `json:"expected"`
	Actual    string `json:"actual"` // what came; of a skipped case, why it was
	Why       string `json:"why"`    // it matters in production
	Fix       string `json:"fix"`
	Reproduce string `json:"reproduce"` // a command line that sends the same again

	Sends    string        `json:"-"`
	Code     string        `json:"-"` // with which Fix ends, if it does: a line for the app's framework
	Duration time.Duration `json:"-"`
	// Follows says that it failed in the way in which the first valid sample
	// did, and for no other reason that can be seen.
	Follows bool `json:"-"`

	down bool // the app was gone after it
}

// A Report is the outcome of a run.
type Report struct {
	URL      string   `json:"url"`
	Provider string   `json:"provider"`
	Passed   bool     `json:"passed"` // no required case failed
	Cases    []Result `json:"cases"`

	// Opening is what has to be known before anything else: that even a valid
	// sample was refused, and what that may mean. "" if it was accepted.
	Opening string `json:"-"`
	// Framework is what the app seems to be made with, "" if nothing tells.
	Framework string `json:"-"`
}

// Count returns how many cases of a level have a status.
func (r *Report) Count(l Level, s Status) int {
	n := 0
	for i := range r.Cases {
		if r.Cases[i].Level == l && r.Cases[i].Status == s {
			n++
		}
	}
	return n
}

// Options are what a run is made with.
type Options struct {
	URL      string
	Provider *provider.Provider
	Secrets  []provider.NamedSecret // that sign, the newest first
	Header   http.Header            // goes with each request
	Client   *deliver.Client
	Now      func() time.Time

	// Timeout is how long one exchange may take; 0: ten seconds, or longer where
	// the app has shown that it needs it and the provider waits.
	Timeout time.Duration
	Serial  bool                 // one request at a time
	Select  func(id string) bool // which cases; nil: all
	Proxied bool                 // a proxy leads to URL: TLS is not looked at
	RootCAs *x509.CertPool       // nil: the system's

	// Restart brings an app back that no longer answers; nil: nobody can.
	Restart func(ctx context.Context) error
	// Effects counts what deliveries have brought about so far; nil: it cannot
	// be told.
	Effects func(ctx context.Context) (int, error)
	// SecretFlag is what a command line needs to find the secret, such as
	// "--secret env:NAME"; "" if it finds it by itself.
	SecretFlag string
	// Starting, if set, is told which case begins, of those that run alone.
	Starting func(Case)
	// Observe, if set, is told each result as soon as it stands, one at a time
	// and always in the same order. Its Fix comes with the report.
	Observe func(Result)
}

// An UnreachableError says that no connection to the endpoint could be made.
type UnreachableError struct {
	Kind deliver.Kind
	Text string
}

// Error says why.
func (e *UnreachableError) Error() string { return e.Text }

// Cases lists the cases in the order in which a report has them.
func Cases() []Case {
	var out []Case
	for _, d := range definitions() {
		out = append(out, d.Case)
	}
	return out
}

// concurrency is how many requests are open at once, but for the burst.
const concurrency = 8

// Run runs the cases. The error is an *UnreachableError if nothing listens
// there, that of ctx if it ended, or says why samples cannot be signed.
func Run(ctx context.Context, o Options) (Report, error) {
	k, err := newKit(o)
	if err != nil {
		return Report{}, err
	}
	r := &run{o: o, kit: k, slots: make(chan struct{}, concurrency), limit: o.Timeout}
	if o.Serial {
		r.slots = make(chan struct{}, 1)
	}
	if err := r.begin(ctx); err != nil {
		return Report{}, err
	}
	r.all(ctx)
	if ctx.Err() != nil {
		return Report{}, ctx.Err()
	}
	return r.report(), nil
}

// report puts the results in the order of the list.
func (r *run) report() Report {
	out := Report{
		URL: r.kit.shownURL(), Provider: r.o.Provider.ID, Passed: true, Cases: []Result{},
		Opening: r.opening, Framework: r.framework(),
	}
	for _, d := range definitions() {
		i := slices.IndexFunc(r.results, func(x Result) bool { return x.ID == d.ID })
		if i < 0 {
			continue
		}
		x := r.results[i]
		if x.Status == Failed {
			about := x.ID
			if about == acceptsValid && r.rewritten != "" {
				about = "accepts-raw-body"
			}
			x.Fix, x.Code = r.kit.fixFor(about, x.down, out.Framework)
		}
		if x.Status == Failed && x.Level == Required {
			out.Passed = false
		}
		out.Cases = append(out.Cases, x)
	}
	return out
}

// notApplicable says why a case has nothing to send.
type notApplicable struct{ why string }

func (e *notApplicable) Error() string { return e.why }

func skip(format string, args ...any) error { return &notApplicable{fmt.Sprintf(format, args...)} }

// skipped returns why err makes a case not apply, and whether it does.
func skipped(err error) (string, bool) {
	if n, ok := errors.AsType[*notApplicable](err); ok {
		return n.why, true
	}
	return "", false
}
