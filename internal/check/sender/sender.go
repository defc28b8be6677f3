// Package sender finds out whether a sender of webhooks does what its receivers
// rely on: it takes the sender's deliveries, answers them by a script of good
// and bad answers, and judges what came by the definition of the provider that
// the sender is to be.
//
// An Exam is an http.Handler; whoever runs it lets the sender deliver there. It
// opens no port, and prints nothing.
package sender

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A Stage is a part of an exam: one event, and how it is answered.
type Stage struct {
	Number, Of int
	Answers    string // in words
}

// Options are what an exam is made with.
type Options struct {
	Provider *provider.Provider
	Secrets  []provider.NamedSecret // that the sender signs with
	Now      func() time.Time

	Attempts  int           // how many attempts of one event to watch; 0 is 3
	TimeScale float64       // the sender runs its schedule that many times faster; 0 is 1
	Timeout   time.Duration // how long the sender waits for an answer; 0: the provider's
	Patience  time.Duration // how long the first attempt of a stage may take; 0 is five minutes
	Select    func(id string) bool

	// Begin is told of each stage. It makes the sender send an event, or asks a
	// person to do so.
	Begin func(ctx context.Context, s Stage) error
	// Line is the command that runs the exam again.
	Line string
}

// ErrNothingCame is returned by Run where no delivery came at all.
var ErrNothingCame = errors.New("no delivery came")

const (
	usualAttempts = 3
	usualPatience = 5 * time.Minute
	usualTimeout  = 30 * time.Second
	// usualRetry is how long a retry may take of a sender whose schedule is not
	// known.
	usualRetry = 2 * time.Minute
	// grace is what everything may take longer.
	grace = 2 * time.Second
)

// An Exam is one run. Its methods are safe for concurrent use.
type Exam struct {
	o       Options
	singles []*provider.Verifier // one for each secret
	any     *provider.Verifier

	mu       sync.Mutex // guards the following
	stages   []*stage
	current  *stage
	followed bool // a redirect was
	changed  chan struct{}
}

// New returns an exam that has not begun.
func New(o Options) *Exam {
	if o.Attempts <= 0 {
		o.Attempts = usualAttempts
	}
	if n := len(o.Provider.Delivery.Schedule); n > 0 {
		o.Attempts = min(o.Attempts, n)
	}
	if o.TimeScale <= 0 {
		o.TimeScale = 1
	}
	if o.Timeout <= 0 {
		o.Timeout = o.Provider.Delivery.Timeout
	}
	if o.Timeout <= 0 {
		o.Timeout = usualTimeout
	}
	if o.Patience <= 0 {
		o.Patience = usualPatience
	}
	x := &Exam{o: o, any: o.Provider.Verifier(o.Secrets...), changed: make(chan struct{}, 1)}
	for _, s := range o.Secrets {
		x.singles = append(x.singles, o.Provider.Verifier(s))
	}
	return x
}

// An attempt is one request of the sender.
type attempt struct {
	key      string // what tells the event: its id, else its body
	id       string
	at       time.Time
	happened time.Time // when the event happened, by what it says
	method   string
	header   http.Header
	body     []byte
	ok       bool   // it verifies
	reason   string // why it does not
	signed   int    // by how many of the secrets
	answered int    // the status, 0 for none
	held     time.Duration
	left     bool // the sender hung up
}

// A stage is one event and its attempts, as far as can be told.
type stage struct {
	kind     kind
	attempts []*attempt
}

// A kind is what a stage is about.
type kind int

const (
	plain kind = iota
	gone
	redirect
	drop
	failing
	slow
	busy
)

// stagesFor lists the stages that the selected cases need, in order. The ones
// after which nothing may come stand first, so that the time in which nothing
// came is long.
func (x *Exam) stagesFor() []kind {
	needs := map[kind][]string{
		gone: {"gone-honoured"}, redirect: {"redirect-not-followed"}, drop: {"retries-dropped"},
		failing: {"retries-failure", "event-id-stable", "body-stable", "timestamp-fresh", "schedule-kept", "stops-after-success"},
		slow:    {"time-out-kept"}, busy: {"retry-after-honoured"},
	}
	out := []kind{plain}
	for k := gone; k <= busy; k++ {
		if slices.ContainsFunc(needs[k], x.selected) && (k != busy || x.o.TimeScale == 1) {
			out = append(out, k)
		}
	}
	return out
}

func (x *Exam) selected(id string) bool { return x.o.Select == nil || x.o.Select(id) }

// Run goes through the stages and scores what came. The error is
// ErrNothingCame, that of ctx, or one of Begin.
func (x *Exam) Run(ctx context.Context) (check.Report, error) {
	kinds := x.stagesFor()
	for i, k := range kinds {
		s := &stage{kind: k}
		x.mu.Lock()
		x.stages, x.current = append(x.stages, s), s
		x.mu.Unlock()
		if err := x.o.Begin(ctx, Stage{Number: i + 1, Of: len(kinds), Answers: x.words(k)}); err != nil {
			return check.Report{}, err
		}
		came, err := x.watch(ctx, s)
		if err != nil {
			return check.Report{}, err
		}
		if !came && i == 0 {
			return check.Report{}, ErrNothingCame
		}
	}
	if err := x.silence(ctx); err != nil {
		return check.Report{}, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.current = nil
	return x.score(), nil
}

// words says how a stage answers.
func (x *Exam) words(k kind) string {
	switch k {
	case gone:
		return "410 Gone"
	case redirect:
		return "a redirect, then 200"
	case drop:
		return "a dropped connection, then 200"
	case failing:
		return fmt.Sprintf("503 (%d times), then 200", x.o.Attempts-1)
	case slow:
		return "no answer in time, then 200"
	case busy:
		return "429 with Retry-After, then 200"
	case plain:
	}
	return "200"
}

// needed is how many attempts of its event a stage waits for.
func (x *Exam) needed(k kind) int {
	switch k {
	case plain, gone:
		return 1
	case failing:
		return x.o.Attempts
	case redirect, drop, slow, busy:
	}
	if len(x.o.Provider.Delivery.Schedule) == 1 {
		return 1
	}
	return 2
}

// watch waits until a stage has seen what it needs, or waited long enough for
// it, and says whether anything came.
func (x *Exam) watch(ctx context.Context, s *stage) (came bool, err error) {
	timer := time.NewTimer(x.o.Patience)
	defer timer.Stop()
	for seen := 0; ; {
		x.mu.Lock()
		n, complete := len(s.attempts), x.complete(s)
		x.mu.Unlock()
		if complete {
			return true, nil
		}
		if n > seen { // from now on it is the schedule that says how long to wait
			seen = n
			timer.Reset(x.until(s.kind, n))
		}
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-timer.C:
			return n > 0, nil
		case <-x.changed:
		}
	}
}

// complete says whether some event of the stage has had all its attempts, and
// the last of them its answer.
func (x *Exam) complete(s *stage) bool {
	count := map[string]int{}
	for _, a := range s.attempts {
		if a.answered != 0 || a.left || a.held > 0 {
			count[a.key]++
		}
		if count[a.key] >= x.needed(s.kind) {
			return true
		}
	}
	return len(s.attempts) > 3*x.needed(s.kind) // of a sender that gives each attempt another id
}

// until is how long the attempt after the n-th of an event may take.
func (x *Exam) until(k kind, n int) time.Duration {
	wait := x.interval(n) + x.interval(n)/2 + grace
	if k == slow {
		wait += x.holding()
	}
	if k == busy {
		wait += x.retryAfter()
	}
	return wait
}

// interval is how long the sender waits between its n-th attempt and the next.
func (x *Exam) interval(n int) time.Duration {
	list := x.o.Provider.Delivery.Schedule
	if n >= len(list) {
		return time.Duration(float64(usualRetry) / x.o.TimeScale)
	}
	return time.Duration(float64(list[n]) / x.o.TimeScale)
}

// holding is how long an answer is held back at most.
func (x *Exam) holding() time.Duration { return x.o.Timeout + x.o.Timeout/2 + grace }

// retryAfter is what the sender is asked to wait: more than it would by itself.
func (x *Exam) retryAfter() time.Duration {
	return (x.interval(1) + x.interval(1)/2 + time.Second).Round(time.Second)
}

// silence waits until everything that may not come would have come.
func (x *Exam) silence(ctx context.Context) error {
	x.mu.Lock()
	var last time.Time
	for _, s := range x.stages {
		if (s.kind == gone || s.kind == failing) && len(s.attempts) > 0 {
			last = s.attempts[len(s.attempts)-1].at
		}
	}
	x.mu.Unlock()
	if last.IsZero() {
		return nil
	}
	quiet := x.interval(1)
	if len(x.o.Provider.Delivery.Schedule) == 0 {
		quiet = min(quiet, grace)
	}
	timer := time.NewTimer(last.Add(quiet + quiet/2 + grace).Sub(x.o.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// judge says what a receiver makes of a request.
func (x *Exam) judge(a *attempt, m *scheme.Message) {
	o := scheme.VerifyOptions{Now: a.at}
	v := x.any.Verify(m, o)
	a.ok, a.reason = v.Status == "verified", string(v.Reason)
	for _, one := range x.singles {
		if one.Verify(m, o).Status == "verified" {
			a.signed++
		}
	}
	info := x.o.Provider.Describe(m)
	a.id, a.happened = info.EventID, info.CreatedAt
}
