package sender

import (
	"bytes"
	"fmt"
	"mime"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/units"
)

// A definition is a case and how it is judged. An outcome that is skipped says
// why in actual.
type definition struct {
	check.Case
	why, fix string
	judge    func(x *Exam) (check.Status, string)
}

// Cases lists the cases in the order of a report.
func Cases() []check.Case {
	var out []check.Case
	for _, d := range definitions() {
		out = append(out, d.Case)
	}
	return out
}

// score judges what came.
func (x *Exam) score() check.Report {
	out := check.Report{Provider: x.o.Provider.ID, Passed: true, Cases: []check.Result{}}
	for _, d := range definitions() {
		if !x.selected(d.ID) {
			continue
		}
		status, actual := d.judge(x)
		r := check.Result{
			ID: d.ID, Level: d.Level, Status: status, Expected: d.Expects, Actual: actual,
			Why: d.why, Sends: d.Sends, Reproduce: strings.TrimSpace(x.o.Line + " --only " + d.ID),
		}
		if status == check.Failed {
			r.Fix = d.fix
			out.Passed = out.Passed && d.Level != check.Required
		}
		out.Cases = append(out.Cases, r)
	}
	return out
}

func pass(format string, args ...any) (check.Status, string) {
	return check.Passed, fmt.Sprintf(format, args...)
}

func fail(format string, args ...any) (check.Status, string) {
	return check.Failed, fmt.Sprintf(format, args...)
}

func skip(format string, args ...any) (check.Status, string) {
	return check.Skipped, fmt.Sprintf(format, args...)
}

// all lists every attempt.
func (x *Exam) all() []*attempt {
	var out []*attempt
	for _, s := range x.stages {
		out = append(out, s.attempts...)
	}
	return out
}

// stage returns the stage of that kind, and nil where none was run.
func (x *Exam) stage(k kind) *stage {
	i := slices.IndexFunc(x.stages, func(s *stage) bool { return s.kind == k })
	if i < 0 || len(x.stages[i].attempts) == 0 {
		return nil
	}
	return x.stages[i]
}

// event returns the attempts of the event of a stage: of its first one, unless
// only another came again.
func (s *stage) event() []*attempt {
	for _, first := range s.attempts {
		var out []*attempt
		for _, a := range s.attempts {
			if a.key == first.key {
				out = append(out, a)
			}
		}
		if len(out) > 1 {
			return out
		}
	}
	return s.attempts
}

// each judges every attempt by fault, which says what is wrong with one.
func (x *Exam) each(good string, fault func(a *attempt) string) (check.Status, string) {
	all := x.all()
	for i, a := range all {
		if why := fault(a); why != "" {
			return fail("delivery %d of %d: %s", i+1, len(all), safetext.Line(why))
		}
	}
	return pass("%s in %d deliveries", good, len(all))
}

func judgeSigned(x *Exam) (check.Status, string) {
	if len(x.o.Provider.Schemes()) == 0 {
		return skip("%s signs nothing", x.o.Provider.ID)
	}
	return x.each("verified", func(a *attempt) string {
		if a.ok {
			return ""
		}
		return a.reason
	})
}

func judgeMethod(x *Exam) (check.Status, string) {
	want := x.o.Provider.Delivery.Method
	return x.each(want, func(a *attempt) string {
		if a.method == want {
			return ""
		}
		return a.method
	})
}

func judgeType(x *Exam) (check.Status, string) {
	return x.each("as the body is", func(a *attempt) string {
		value := a.header.Get("Content-Type")
		kind, _, err := mime.ParseMediaType(value)
		isJSON := payload.Valid(a.body) == nil
		switch {
		case value == "":
			return "no Content-Type"
		case err != nil:
			return fmt.Sprintf("Content-Type: %q", value)
		case isJSON && kind != "application/json" && !strings.HasSuffix(kind, "+json"):
			return "the body is JSON, and the Content-Type " + kind
		case !isJSON && strings.HasSuffix(kind, "json"):
			return "the Content-Type is " + kind + ", and the body is not JSON"
		}
		return ""
	})
}

// largeBody is what many receivers take without being told to take more.
const largeBody = 100 << 10

func judgeSize(x *Exam) (check.Status, string) {
	most := 0
	for _, a := range x.all() {
		most = max(most, len(a.body))
	}
	if most > largeBody {
		return fail("a body of %s", units.FormatSize(int64(most)))
	}
	return pass("at most %s", units.FormatSize(int64(most)))
}

func judgeID(x *Exam) (check.Status, string) {
	if len(x.o.Provider.Places.ID) == 0 {
		return skip("events of %s have no id", x.o.Provider.ID)
	}
	return x.each("an id", func(a *attempt) string {
		if a.id != "" {
			return ""
		}
		return "no event id at " + strings.Join(x.o.Provider.Places.ID, " or ")
	})
}

// retried judges whether the event of a stage was tried again.
func (x *Exam) retried(k kind) (check.Status, string) {
	s := x.stage(k)
	switch {
	case len(x.o.Provider.Delivery.Schedule) == 1:
		return skip("%s does not retry", x.o.Provider.ID)
	case s == nil:
		return skip("no event came")
	case len(s.attempts) < 2:
		return fail("no other attempt within %s", took(x.until(k, 1)))
	}
	return pass("tried again after %s", took(s.attempts[1].at.Sub(s.attempts[0].at)))
}

func judgeFailing(x *Exam) (check.Status, string) { return x.retried(failing) }

func judgeDrop(x *Exam) (check.Status, string) { return x.retried(drop) }

// again returns the attempts of the event that was tried most often, where it
// was tried again.
func (x *Exam) again() []*attempt {
	for _, k := range []kind{failing, drop, slow, redirect, busy} {
		if s := x.stage(k); s != nil && len(s.attempts) > 1 {
			return s.event()
		}
	}
	return nil
}

const notRetried = "nothing was tried again"

func judgeStableID(x *Exam) (check.Status, string) {
	list := x.again()
	switch {
	case len(x.o.Provider.Places.ID) == 0:
		return skip("events of %s have no id", x.o.Provider.ID)
	case list == nil:
		return skip(notRetried)
	}
	for _, a := range list[1:] {
		if a.id != list[0].id {
			return fail("%s at first, %s in a retry", or(list[0].id), or(a.id))
		}
	}
	return pass("the same in %d attempts", len(list))
}

func or(s string) string {
	if s == "" {
		return "none"
	}
	return safetext.Line(s)
}

func judgeStableBody(x *Exam) (check.Status, string) {
	list := x.again()
	switch {
	case list == nil:
		return skip(notRetried)
	case x.inBody():
		return skip("signature or timestamp of %s stand in the body", x.o.Provider.ID)
	}
	for _, a := range list[1:] {
		if a.id != list[0].id {
			return skip("each attempt has an id of its own")
		}
		if !bytes.Equal(a.body, list[0].body) {
			return fail("a retry had another body (%s, at first %s)", units.FormatSize(int64(len(a.body))), units.FormatSize(int64(len(list[0].body))))
		}
	}
	return pass("the same bytes in %d attempts", len(list))
}

// inBody says whether signing changes the body.
func (x *Exam) inBody() bool {
	return slices.ContainsFunc(x.o.Provider.Schemes(), func(s *scheme.Scheme) bool {
		return len(s.SignatureHeaders()) == 0 || strings.HasPrefix(s.Spec().Timestamp.In, "$")
	})
}

// judgeFresh looks at signed timestamps: one of the first attempt that is sent
// again would be refused as too old at the end of the schedule. It is found by
// judging the attempt as of the latest moment at which a fresh one is good.
func judgeFresh(x *Exam) (check.Status, string) {
	list := x.again()
	i := slices.IndexFunc(x.o.Provider.Schemes(), (*scheme.Scheme).Timestamped)
	switch {
	case i < 0:
		return skip("%s signs no timestamp", x.o.Provider.ID)
	case list == nil:
		return skip(notRetried)
	}
	s := x.o.Provider.Schemes()[i]
	for n, a := range list[1:] {
		if !a.ok {
			return fail("retry %d does not verify: %s", n+1, a.reason)
		}
		if sameSignature(s, list[0], a) && a.at.Sub(list[0].at) >= time.Second {
			return fail("retry %d, %s later, has the signature of the first attempt", n+1, took(a.at.Sub(list[0].at)))
		}
	}
	return pass("fresh in %d attempts", len(list))
}

func sameSignature(s *scheme.Scheme, a, b *attempt) bool {
	for _, name := range s.SignatureHeaders() {
		if !slices.Equal(a.header[name], b.header[name]) {
			return false
		}
	}
	return true
}

// Differences from the schedule that do not count.
const (
	slackPart  = 10 // a tenth of a wait
	slackLeast = 250 * time.Millisecond
)

func judgeSchedule(x *Exam) (check.Status, string) {
	s := x.stage(failing)
	switch {
	case len(x.o.Provider.Delivery.Schedule) < 2:
		return skip("no schedule of %s is known", x.o.Provider.ID)
	case s == nil || len(s.attempts) < 2:
		return skip(notRetried)
	}
	list := s.event()
	if i := slices.IndexFunc(list, func(a *attempt) bool { return a.answered == 200 }); i >= 0 {
		list = list[:i+1]
	}
	var waits []string
	for i := 1; i < len(list); i++ {
		want, got := x.interval(i), list[i].at.Sub(list[i-1].at)
		slack := max(want/slackPart, slackLeast)
		if got > want+slack || got < max(want-slack, want/2) {
			return fail("attempt %d came %s after attempt %d, due after %s", i+1, took(got), i, took(want))
		}
		waits = append(waits, took(got))
	}
	if len(list) < x.o.Attempts {
		return fail("%d attempts, where the schedule has %d", len(list), len(x.o.Provider.Delivery.Schedule))
	}
	return pass("waited %s", strings.Join(waits, ", "))
}

func judgeTimeout(x *Exam) (check.Status, string) {
	s := x.stage(slow)
	if s == nil {
		return skip("no event came")
	}
	a, want := s.attempts[0], x.o.Timeout
	slack := max(want/slackPart, 2*slackLeast)
	switch {
	case !a.left:
		return fail("it still waited after %s, and the time-out is %s", took(a.held), took(want))
	case a.held > want+slack:
		return fail("it hung up after %s, and the time-out is %s", took(a.held), took(want))
	case a.held < want-slack:
		return fail("it hung up after %s already, and the time-out is %s", took(a.held), took(want))
	}
	return pass("it hung up after %s", took(a.held))
}

func judgeRedirect(x *Exam) (check.Status, string) {
	switch {
	case x.stage(redirect) == nil:
		return skip("no event came")
	case x.followed:
		return fail("the delivery went to the address in Location")
	}
	return pass("it was not followed")
}

func judgeGone(x *Exam) (check.Status, string) {
	s := x.stage(gone)
	if s == nil {
		return skip("no event came")
	}
	if n := len(s.event()); n > 1 {
		return fail("%d attempts after it", n-1)
	}
	return pass("no attempt after it")
}

func judgeStops(x *Exam) (check.Status, string) {
	for _, s := range x.stages {
		done := map[string]bool{}
		for _, a := range s.attempts {
			if done[a.key] {
				return fail("an event that had been answered with 200 was sent again")
			}
			done[a.key] = a.answered == 200
		}
	}
	return pass("no attempt after 200")
}

func judgeBusy(x *Exam) (check.Status, string) {
	s := x.stage(busy)
	switch {
	case x.o.TimeScale != 1:
		return skip("time is scaled, and Retry-After is not")
	case s == nil:
		return skip("no event came")
	case len(s.attempts) < 2:
		return fail("no other attempt within %s", took(x.until(busy, 1)))
	}
	list, asked := s.event(), x.retryAfter()
	if got := list[1].at.Sub(list[0].at); got < asked-slackLeast {
		return fail("it came again after %s, asked to wait %s", took(got), took(asked))
	}
	return pass("it waited %s or more", took(asked))
}

func judgeRotation(x *Exam) (check.Status, string) {
	schemes := x.o.Provider.Schemes()
	switch {
	case len(schemes) == 0 || !schemes[0].Several():
		return skip("a request of %s carries one signature", x.o.Provider.ID)
	case len(x.o.Secrets) < 2:
		return skip("give both secrets of a rotation: --secret NEW --secret OLD")
	}
	return x.each("signed with both secrets", func(a *attempt) string {
		if a.signed >= 2 {
			return ""
		}
		return fmt.Sprintf("signed with %d of %d secrets", a.signed, len(x.o.Secrets))
	})
}

func judgeOrder(x *Exam) (check.Status, string) {
	if x.o.Provider.Places.Order != "" {
		return skip("%s does not claim an order: %s tells it", x.o.Provider.ID, x.o.Provider.Places.Order)
	}
	var before *attempt
	n := 0
	for _, s := range x.stages {
		if len(s.attempts) == 0 || s.attempts[0].happened.IsZero() {
			continue
		}
		a := s.attempts[0]
		if before != nil && a.happened.Before(before.happened) {
			return fail("an event of %s came after one of %s", a.happened.UTC().Format(time.TimeOnly), before.happened.UTC().Format(time.TimeOnly))
		}
		before = a
		n++
	}
	if n < 2 {
		return skip("events do not say when they happened")
	}
	return pass("%d events came in the order of their times", n)
}

func took(d time.Duration) string {
	if d < 10*time.Second {
		return units.FormatDuration(d.Round(time.Millisecond))
	}
	return units.FormatDuration(d.Round(100 * time.Millisecond))
}

// definitions lists all cases in the order of a report.
func definitions() []definition {
	const r, a = check.Required, check.Advice
	def := func(id string, level check.Level, does, expects, why, fix string, judge func(*Exam) (check.Status, string)) definition {
		return definition{check.Case{ID: id, Level: level, Sends: does, Expects: expects}, why, fix, judge}
	}
	return []definition{
		def("signed-verifiably", r, "every delivery", "a signature that verifies",
			"receivers refuse what they cannot verify", "sign the bytes that are sent, after the last change to them, as hooks sign does; hooks verify --explain finds what differs", judgeSigned),
		def("uses-method", r, "every delivery", "the provider's method",
			"receivers are registered for one method", "send with the method that is documented", judgeMethod),
		def("content-type", r, "every delivery", "a Content-Type that fits the body",
			"frameworks choose the parser by it: without it handlers see an empty body", "send Content-Type: application/json with JSON", judgeType),
		def("body-size", a, "every delivery", "at most 100 KiB",
			"the usual frameworks refuse more by default", "send ids and what is needed, and let receivers fetch the rest", judgeSize),
		def("event-id", r, "every delivery", "an event id",
			"without it receivers cannot tell a retry from another event", "give every event an id when it happens", judgeID),
		def("retries-failure", r, "503", "another attempt",
			"a receiver that restarts loses every event of that minute", "keep events until they are answered with 2xx, and try again by the schedule", judgeFailing),
		def("retries-dropped", r, "a dropped connection", "another attempt",
			"a connection that breaks is the most frequent failure of all", "treat a connection that ends without an answer as a failed attempt", judgeDrop),
		def("event-id-stable", r, "503", "the same event id in each attempt",
			"receivers handle a retry as a new event: everything happens twice", "make the id when the event happens, not when it is sent", judgeStableID),
		def("body-stable", r, "503", "the same bytes in each attempt",
			"a receiver that compares or stores bodies takes a retry for another event", "keep the bytes of the first attempt and send those", judgeStableBody),
		def("timestamp-fresh", r, "503", "a timestamp of each attempt's own",
			"retries come after the tolerance: receivers that check the age refuse all of them", "sign each attempt anew, with the time at which it is sent", judgeFresh),
		def("schedule-kept", r, "503", "attempts by the schedule",
			"receivers plan by the schedule: too fast is an attack on one that is down, too slow loses its time", "count each wait from the attempt before it", judgeSchedule),
		def("time-out-kept", r, "no answer", "hanging up at the time-out, not before and not much later",
			"one slow receiver holds up the deliveries to all others; one that is cut off early does its work twice", "let the time-out cover the whole exchange, from connecting to the end of the answer", judgeTimeout),
		def("redirect-not-followed", r, "307 with Location", "no request to that address",
			"whoever controls a receiver sends the deliveries, signed, to any address inside the sender's network", "switch off redirects in the HTTP client, and count 3xx as a failure", judgeRedirect),
		def("gone-honoured", r, "410 Gone", "no further attempt",
			"it is the way in which a receiver unsubscribes", "stop the retries at 410, and disable the endpoint", judgeGone),
		def("stops-after-success", r, "200", "no further attempt",
			"each delivery too many is work for the receiver, and an effect twice where it is not idempotent", "end the retries of an event with the first 2xx", judgeStops),
		def("retry-after-honoured", a, "429 with Retry-After", "no attempt before that",
			"a receiver that is overloaded asks for time", "put the next attempt off until Retry-After, within limits", judgeBusy),
		def("rotation-signs-twice", a, "every delivery", "signatures by both secrets",
			"with one signature a rotation loses deliveries until receiver and sender have the same secret", "while two secrets are valid sign with both", judgeRotation),
		def("keeps-order", a, "every event", "events in the order of their times, where no field tells it",
			"receivers that trust the order overwrite newer state with older", "send a sequence number or time that tells the order, or wait for the event before", judgeOrder),
	}
}
