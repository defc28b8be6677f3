package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
)

const (
	// usualLimit is how long an exchange may take where nobody says.
	usualLimit = 10 * time.Second
	// comeBack is how long an app that went down may take to be there again.
	comeBack  = 2 * time.Second
	lookAgain = 200 * time.Millisecond
	// patience is how long the first answer may take for the requests of the
	// hostile cases to be sent one by one from the start.
	patience = 500 * time.Millisecond
	// quickLimit is how long an exchange may take once an app that is otherwise
	// quick has left one without an answer: there will be none.
	quickLimit = 2 * time.Second
)

// A tier says when a case is run: all of one tier before the next.
type tier int

const (
	first    tier = iota // nothing else is known yet
	together             // harmless, in any order
	alone                // harmless, but it must not be disturbed
	hostile              // it may bring the app down
	last                 // it looks back on what was before
)

// A definition is a case and how it is run.
type definition struct {
	Case
	tier tier
	// make makes the requests of a case that is judged by want alone; run does
	// everything else itself.
	make    func(k *kit) ([]shot, error)
	want    want
	ordered bool // the requests are sent one after the other
	run     func(ctx context.Context, r *run) finding
}

// A finding is what a case came to.
type finding struct {
	status Status
	actual string
	line   string
	level  Level // "": that of the case
	fails  bool  // no answer was a wrong yes: each was a failure or none at all
	down   bool  // the app was gone after it
	like   bool  // each wrong answer was that to the first valid sample
}

func passed(actual, line string) finding { return finding{status: Passed, actual: actual, line: line} }

func failed(actual, line string) finding { return finding{status: Failed, actual: actual, line: line} }

func notRun(why string) finding { return finding{status: Skipped, actual: why} }

// run is one run of the suite.
type run struct {
	o     Options
	kit   *kit
	slots chan struct{}
	limit time.Duration // of one exchange

	base    answer // to the first valid sample
	refused bool   // it was not accepted
	opening string
	// rewritten is how the app accepts JSON that it has refused as it was.
	rewritten string
	down      string // the case since which the app does not answer
	fell      string // how the app went down in the case that is run
	seen      seen
	extra     extraField
	results   []Result
}

// begin sends the first valid sample, on which everything else rests.
func (r *run) begin(ctx context.Context) error {
	if r.limit == 0 {
		r.limit = max(usualLimit, r.o.Provider.Delivery.Timeout)
	}
	s, err := r.kit.plainShot()
	if err != nil {
		return err
	}
	began := r.o.Now()
	r.base = r.send(ctx, &s)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case r.base.status == 0 && !r.base.began:
		return &UnreachableError{r.base.kind, r.base.text}
	}
	r.setLimit()
	r.refused = !accepted(&r.base)
	if r.refused {
		r.rewritten = r.rewrites(ctx)
		r.opening = r.openingWords()
	} else {
		r.kit.believed = s.delivery
	}
	f := passed(r.words(&r.base), s.line)
	if r.refused {
		f = failed(r.words(&r.base), s.line)
	}
	d := definitions()[0]
	if r.refused || r.selected(d.ID) {
		r.settle(d, f, r.o.Now().Sub(began))
	}
	return nil
}

// setLimit makes the limit of what follows from how long the first answer took.
func (r *run) setLimit() {
	slow := 3 * r.base.duration
	switch {
	case r.o.Timeout > 0:
	case r.base.kind == deliver.Timeout:
		r.limit = quickLimit
	case slow > usualLimit && r.o.Provider.Delivery.Timeout > usualLimit:
		r.limit = min(slow, r.o.Provider.Delivery.Timeout)
	default:
		r.limit = usualLimit
	}
}

// hurry lowers the limit after a request that got no answer in time, where
// others are answered at once: a run through many such cases is to end.
func (r *run) hurry(a *answer) {
	if a.kind == deliver.Timeout && r.o.Timeout == 0 {
		r.limit = min(r.limit, max(quickLimit, 10*r.base.duration))
	}
}

// rewrites says how the app accepts the event that it has refused, if it does
// so in one of the forms in which programs write JSON; else "".
func (r *run) rewrites(ctx context.Context) string {
	if !rejected(&r.base) {
		return ""
	}
	shots, err := r.kit.makeFresh(rewrittenBodies)
	if err != nil {
		return ""
	}
	for i := range shots {
		if a := r.send(ctx, &shots[i]); accepted(&a) {
			return shots[i].name
		}
	}
	return ""
}

// openingWords says what a refusal of the first valid sample may mean.
func (r *run) openingWords() string {
	a := &r.base
	text := "the first valid sample was not accepted: " + r.words(a) + ". "
	switch {
	case r.rewritten != "":
		text += "It is accepted when its JSON is written " + r.rewritten + ": the app verifies a body that it has written anew, and not the bytes that came."
	case a.status == 0:
		text += "The app took the request and gave no answer."
	case a.status >= 300 && a.status <= 399:
		text += "Providers do not follow redirects: check the address that it points to."
	case a.status == 404 || a.status == 405:
		text += "Is this the path of the handler?"
	case a.status >= 500:
		text += "The handler fails on a genuine event: look at its log."
	default:
		text += "Does the app have the same secret, and is this the path of its handler?"
	}
	return text + " No rejection counts as proof: this app may refuse everything."
}

func (r *run) selected(id string) bool { return r.o.Select == nil || r.o.Select(id) }

// all runs the cases, tier by tier.
func (r *run) all(ctx context.Context) {
	for t := together; t <= last; t++ {
		var list []definition
		for _, d := range definitions() {
			if d.tier == t && r.wanted(d.ID) {
				list = append(list, d)
			}
		}
		if t == together {
			r.atOnce(ctx, list)
			continue
		}
		if t == hostile && r.slow() && r.o.Restart != nil && r.enduredAtOnce(ctx, list) {
			continue
		}
		for _, d := range list {
			if ctx.Err() != nil {
				return
			}
			r.one(ctx, d)
		}
	}
}

// wanted says whether a case has to be run: hides-secret looks at what the
// others were answered.
func (r *run) wanted(id string) bool {
	return r.selected(id) || r.selected(hidesSecret) && strings.HasPrefix(id, "rejects-")
}

// done is a case that was run and is not settled.
type done struct {
	finding
	took time.Duration
}

// slow says whether requests are sent together where one by one is better, so
// that the run comes to an end.
func (r *run) slow() bool { return r.base.duration > patience && !r.o.Serial }

// enduredAtOnce runs the hostile cases of a slow app at the same time, each
// followed by a valid sample. If all requests were answered and the app was
// there after every case, it settles them. Otherwise it settles nothing: one by
// one they show which is the cause, for which the app is started again.
func (r *run) enduredAtOnce(ctx context.Context, list []definition) bool {
	if r.down != "" {
		return false
	}
	r.o.Client.Close()
	results := make([]done, len(list))
	var failed atomic.Bool
	var wg sync.WaitGroup
	for i, d := range list {
		wg.Go(func() {
			began := r.o.Now()
			f := r.try(ctx, d, func(ctx context.Context, d definition, shots []shot) []answer {
				answers := r.volley(ctx, d, shots)
				if slices.ContainsFunc(answers, answer.dropped) {
					failed.Store(true)
				}
				return answers
			})
			if f.status != Skipped && !failed.Load() {
				if up, _ := r.alive(ctx); !up {
					failed.Store(true)
				}
			}
			results[i] = done{f, r.o.Now().Sub(began)}
		})
	}
	wg.Wait()
	r.o.Client.Close()
	if failed.Load() && ctx.Err() == nil {
		_ = r.o.Restart(ctx) // whether it is there shows at once
	}
	if failed.Load() || ctx.Err() != nil {
		return false
	}
	for i, d := range list {
		r.settle(d, results[i].finding, results[i].took)
	}
	return true
}

// atOnce runs cases at the same time and settles them in their order.
func (r *run) atOnce(ctx context.Context, list []definition) {
	results := make([]chan done, len(list))
	var wg sync.WaitGroup
	for i, d := range list {
		results[i] = make(chan done, 1)
		began := r.o.Now()
		work := func() { results[i] <- done{r.try(ctx, d, r.volley), r.o.Now().Sub(began)} }
		if r.o.Serial {
			work()
			x := <-results[i]
			r.settle(d, x.finding, x.took)
			continue
		}
		wg.Go(work)
	}
	for i, d := range list {
		if !r.o.Serial {
			x := <-results[i]
			r.settle(d, x.finding, x.took)
		}
	}
	wg.Wait()
	if len(list) > 0 && ctx.Err() == nil && slices.ContainsFunc(r.results, func(x Result) bool { return x.Status == Failed }) {
		if up, _ := r.alive(ctx); !up {
			r.bringBack(ctx, list[len(list)-1].ID)
		}
	}
}

// one runs a case by itself. After a hostile one a valid sample shows whether
// the app is still there.
func (r *run) one(ctx context.Context, d definition) {
	if r.o.Starting != nil {
		r.o.Starting(d.Case)
	}
	began := r.o.Now()
	send := r.volley
	if d.tier == hostile {
		send = r.oneByOne
	}
	f := r.try(ctx, d, send)
	if d.tier == hostile && f.status != Skipped && r.down == "" && ctx.Err() == nil {
		r.o.Client.Close() // what is left over in a connection is not the next case's fault
		if up, why := r.alive(ctx); !up {
			r.fell = fellWords(why) + r.bringBack(ctx, d.ID)
		}
	}
	if r.fell != "" {
		f.status, f.down = Failed, true
		f.actual += r.fell
		r.fell = ""
	}
	r.settle(d, f, r.o.Now().Sub(began))
}

func fellWords(why string) string {
	return "; after it the app no longer accepts a valid sample: " + why
}

// try runs a case, whose requests go out by send, and says what it came to.
func (r *run) try(ctx context.Context, d definition, send func(context.Context, definition, []shot) []answer) finding {
	if r.down != "" && d.ID != aliveAtEnd && d.ID != hidesSecret {
		return notRun("the app has not answered since " + r.down)
	}
	if d.run != nil {
		return d.run(ctx, r)
	}
	shots, err := d.make(r.kit)
	if err != nil {
		if why, ok := skipped(err); ok {
			return notRun(why)
		}
		return notRun("it cannot be made: " + err.Error())
	}
	answers := send(ctx, d, shots)
	shots, answers = r.fair(ctx, d, shots[:len(answers)], answers)
	if len(shots) == 0 {
		return notRun("the app refuses fields that it does not know: see accepts-extra-fields")
	}
	return r.proven(d, r.judged(d, shots, answers))
}

// volley sends the requests of a harmless case.
func (r *run) volley(ctx context.Context, d definition, shots []shot) []answer {
	out := make([]answer, len(shots))
	var wg sync.WaitGroup
	for i := range shots {
		if d.ordered || r.o.Serial {
			out[i] = r.send(ctx, &shots[i])
			continue
		}
		wg.Go(func() { out[i] = r.send(ctx, &shots[i]) })
	}
	wg.Wait()
	return out
}

// oneByOne sends the requests of a hostile case. Where one is not answered and
// the app is gone after it, it is brought back before the next, if that can
// be. Those to a slow app go together: which of them it was is known less well
// then, but the case is.
func (r *run) oneByOne(ctx context.Context, d definition, shots []shot) []answer {
	var out []answer
	if r.slow() {
		r.o.Client.Close()
		out = r.volley(ctx, d, shots)
		if i := slices.IndexFunc(out, answer.dropped); i >= 0 {
			r.hurry(&out[i])
		}
		return out
	}
	for i := range shots {
		r.o.Client.Close() // a new connection, so that nothing is sent twice
		a := r.send(ctx, &shots[i])
		out = append(out, a)
		r.hurry(&a)
		if !a.dropped() || i == len(shots)-1 || ctx.Err() != nil {
			continue
		}
		r.o.Client.Close()
		if up, why := r.alive(ctx); !up {
			r.fell = fellWords(why) + r.bringBack(ctx, d.ID)
			if r.down != "" {
				break
			}
		}
	}
	return out
}

// proven takes a passed hostile case for what it is where the app refuses
// everything: no proof.
func (r *run) proven(d definition, f finding) finding {
	if f.status == Passed && r.refused && d.tier == hostile {
		return notRun("a valid sample is refused as well, so this proves nothing (" + f.actual + ")")
	}
	return f
}

// judged says whether all answers are right, and which are not.
func (r *run) judged(d definition, shots []shot, answers []answer) finding {
	var good []string
	var bad []group
	f := finding{status: Passed, line: shots[0].line, fails: true, like: r.refused}
	for i := range answers {
		text := r.words(&answers[i])
		if d.want(&answers[i]) {
			good = append(good, text)
			continue
		}
		if f.status == Passed {
			f.status, f.line = Failed, shots[i].line
		}
		f.fails = f.fails && (answers[i].status == 0 || answers[i].status >= 500)
		f.like = f.like && answers[i].status == r.base.status
		bad = grouped(bad, text, shots[i].name)
	}
	if f.status == Passed {
		f.actual = counted(good)
		return f
	}
	f.actual = groupWords(bad)
	if len(good) > 0 {
		f.actual += fmt.Sprintf("; right in %d of %d", len(good), len(answers))
	}
	return f
}

// counted puts equal texts together: "4 × 200 OK".
func counted(list []string) string {
	var groups []group
	for _, text := range list {
		groups = grouped(groups, text, "")
	}
	return groupWords(groups)
}

// A group is requests that were answered alike.
type group struct {
	text  string
	names []string // of the variants; "" for one without a name
}

func grouped(list []group, text, name string) []group {
	i := slices.IndexFunc(list, func(g group) bool { return g.text == text })
	if i < 0 {
		return append(list, group{text, []string{name}})
	}
	list[i].names = append(list[i].names, name)
	return list
}

// shownVariants is how many variants of a group are named.
const shownVariants = 6

func groupWords(list []group) string {
	var out []string
	for _, g := range list {
		text := g.text
		switch {
		case g.names[0] != "":
			names := g.names[:min(len(g.names), shownVariants)]
			text += " for " + strings.Join(names, ", ")
			if more := len(g.names) - len(names); more > 0 {
				text += fmt.Sprintf(" and %d more", more)
			}
		case len(g.names) > 1:
			text = fmt.Sprintf("%d × %s", len(g.names), text)
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// settle keeps and tells a result.
func (r *run) settle(d definition, f finding, took time.Duration) {
	if !r.selected(d.ID) && (d.ID != acceptsValid || f.status != Failed) {
		return
	}
	x := Result{
		ID: d.ID, Level: d.Level, Status: f.status, Expected: d.Expects, Actual: f.actual, Why: whyOf(d.ID),
		Reproduce: f.line, Sends: d.Sends, Duration: took,
	}
	if f.level != "" {
		x.Level = f.level
	}
	if d.ID == staleTimestamp && !r.kit.documentsTolerance() {
		x.Level = Advice
	}
	if f.status == Failed && (f.fails || f.down) {
		x.Why = whyFailing(d.ID)
	}
	if x.Reproduce == "" {
		x.Reproduce = r.kit.checkLine(d.ID)
	}
	x.down, x.Follows = f.down, f.status == Failed && f.like && !f.down && d.ID != acceptsValid
	r.results = append(r.results, x)
	if r.o.Observe != nil {
		r.o.Observe(x)
	}
}

// alive says whether the app still answers a valid sample as it did at first,
// and if not, how.
func (r *run) alive(ctx context.Context) (up bool, why string) {
	if r.base.status == 0 {
		return true, "" // it never was more alive than that
	}
	s, err := r.kit.plainShot()
	if err != nil {
		return true, ""
	}
	a := r.send(ctx, &s)
	if accepted(&a) || r.refused && a.status != 0 && (a.status < 500 || r.base.status >= 500) || a.kind == deliver.Canceled {
		return true, ""
	}
	return false, r.words(&a)
}

// bringBack waits for an app that is gone, or starts it again, and says how
// that went. Where it stays away, r.down is id.
func (r *run) bringBack(ctx context.Context, id string) string {
	if r.o.Restart != nil {
		r.o.Client.Close()
		if err := r.o.Restart(ctx); err == nil {
			if up, _ := r.alive(ctx); up {
				return " (it was started again)"
			}
		}
	}
	limited, cancel := context.WithTimeout(ctx, comeBack)
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		select {
		case <-limited.Done():
			if errors.Is(limited.Err(), context.DeadlineExceeded) {
				r.down = id
			}
			return ""
		case <-tick.C:
			r.o.Client.Close()
			if up, _ := r.alive(limited); up && limited.Err() == nil {
				return " (it came back by itself)"
			}
		}
	}
}
