package send

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/junit"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// result is what became of one delivery.
type result struct {
	delivery  *webhook.Delivery
	last      deliver.Result
	connected bool // in any attempt
	right     bool
}

// deliverAll delivers one event after the other and tells each.
func (s *sending) deliverAll(ctx context.Context) error {
	drafts, err := s.compose()
	if err != nil {
		return err
	}
	s.announce()
	var results []result
	var interrupted error
	for _, draft := range drafts {
		var r result
		if r, interrupted = s.deliver(ctx, draft); r.delivery != nil && (r.last.Number > 0 || interrupted == nil) {
			results = append(results, r)
			if err := s.tell(ctx, r, len(drafts)); err != nil {
				return err
			}
		}
		if interrupted != nil {
			break
		}
	}
	if err := s.env.WriteJUnit(s.o.JUnit, s.suite(results)); err != nil {
		return err
	}
	switch {
	case interrupted == nil:
		return s.verdict(results)
	case ctx.Err() != nil:
		return cli.Interrupted() // what came until then is told
	}
	return interrupted
}

// deliver signs, keeps and sends one delivery, as often as the schedule says.
func (s *sending) deliver(ctx context.Context, draft *webhook.Delivery) (result, error) {
	now := s.env.Now()
	signed, err := s.sign(draft, now)
	if err != nil {
		return result{}, err
	}
	signed.ID, signed.ReceivedAt = s.ids.New(now), now
	s.keepDelivery(ctx, signed)
	out := result{delivery: signed}
	next := signed
	last, err := deliver.Retry{
		Schedule: s.schedule(),
		Now:      s.env.Now,
		Attempt: func(ctx context.Context, number int) deliver.Result {
			if number > 1 {
				if again, err := s.sign(draft, s.env.Now()); err == nil {
					next = again
				}
			}
			r := s.client.Send(ctx, outgoing.Request(next, s.manner), number)
			out.connected = out.connected || r.Connected
			signed.Attempts = append(signed.Attempts, r.Attempt)
			s.keepAttempt(ctx, signed.ID, r.Attempt)
			return r
		},
		Waiting: func(number int, _ time.Time, wait time.Duration) { s.tellWait(signed, number, wait) },
	}.Run(ctx)
	out.last, out.right = last, s.right(last.Response)
	return out, err
}

// schedule returns when attempts are made: once, unless --retry is given.
func (s *sending) schedule() deliver.Schedule {
	if !s.o.Retry {
		return deliver.Schedule{}
	}
	rules := &s.provider.Delivery
	return deliver.Schedule{
		Waits: rules.Schedule, Scale: s.o.TimeScale,
		Final: func(status int) bool {
			return status == http.StatusGone || rules.Stops(status) || s.expect != nil && s.expect(status)
		},
	}
}

// keepDelivery puts d into the store before it is sent. Where that cannot be,
// it is sent all the same.
func (s *sending) keepDelivery(ctx context.Context, d *webhook.Delivery) {
	st, err := s.store(ctx)
	if err == nil {
		err = st.Append(ctx, d)
	}
	if err != nil && ctx.Err() == nil {
		s.keep = false
		s.env.WarnOnce("what is sent is not kept: " + err.Error())
	}
}

var errNotKept = errors.New("not kept")

func (s *sending) store(ctx context.Context) (*store.Store, error) {
	if !s.keep {
		return nil, errNotKept
	}
	return s.env.Workspace().Store(ctx)
}

// keepAttempt records an attempt, also one that was interrupted.
func (s *sending) keepAttempt(ctx context.Context, id string, a webhook.Attempt) {
	ctx = context.WithoutCancel(ctx)
	st, err := s.store(ctx)
	if err == nil {
		err = st.AddAttempt(ctx, id, a)
	}
	if err != nil && !errors.Is(err, errNotKept) {
		s.env.WarnOnce("the attempt is not kept: " + err.Error())
	}
}

// tellWait says what the last attempt came to and when the next one is.
func (s *sending) tellWait(d *webhook.Delivery, number int, wait time.Duration) {
	if n := len(d.Attempts); n > 0 && !s.env.Global.WantsJSON() && !s.env.Global.Quiet {
		v := s.env.ErrView()
		_, _ = io.WriteString(s.env.Err, v.Attempt(&s.signer.Conceal(d).Attempts[n-1])+"; "+v.Palette.Dim("attempt "+fmt.Sprint(number)+" in "+render.Duration(wait))+"\n")
		return
	}
	s.env.Say("attempt %d in %s", number, render.Duration(wait))
}

// sentJSON is the delivery with one more field.
type sentJSON struct {
	*webhook.Delivery
	Delivered bool
}

// MarshalJSON puts delivered behind the fields of the delivery.
func (s sentJSON) MarshalJSON() ([]byte, error) {
	b, err := s.Delivery.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return append(b[:len(b)-1], fmt.Sprintf(`,"delivered":%v}`, s.Delivered)...), nil
}

// tell prints what became of a delivery.
func (s *sending) tell(ctx context.Context, r result, of int) error {
	if s.env.Global.WantsJSON() {
		doc := sentJSON{httptext.Masked(s.signer.Conceal(r.delivery)), r.delivery.Delivered()}
		if of == 1 {
			return s.env.JSON(ctx, doc)
		}
		return s.env.JSONLine(ctx, doc)
	}
	v := s.env.View()
	shown := s.signer.Conceal(r.delivery)
	if s.env.Global.Verbose {
		_, _ = io.WriteString(s.env.Err, s.env.ErrView().Full(shown, render.FullOptions{Attempts: true}))
	}
	var b strings.Builder
	b.WriteString(v.Line(shown) + "\n")
	if n := len(shown.Attempts); n > 0 && shown.Attempts[n-1].Response != nil && !shown.Delivered() && !s.env.Global.Verbose {
		b.WriteString(excerpt(v, shown.Attempts[n-1].Response))
	}
	if r.last.Location != "" {
		b.WriteString("  it points to " + safetext.Line(safetext.CleanURL(s.signer.Hide(r.last.Location))) + ", and redirects are not followed\n")
	}
	if r.last.Truncated {
		b.WriteString("  the answer is longer than 10 MiB; the rest was dropped\n")
	}
	return s.env.Print(b.String())
}

// maxExcerpt is how many lines of a refusal are shown.
const maxExcerpt = 5

// excerpt shows the beginning of what an endpoint said to explain its answer.
func excerpt(v render.View, r *webhook.Response) string {
	if len(r.Body) == 0 {
		return ""
	}
	lines := strings.SplitAfterN(strings.TrimRight(v.Body(r.Header, r.Body, ""), "\n")+"\n", "\n", maxExcerpt+1)
	var b strings.Builder
	for i, line := range lines {
		switch {
		case i < maxExcerpt && line != "":
			b.WriteString("  " + line)
		case line != "":
			b.WriteString("  " + v.Palette.Dim("…") + "\n")
		}
	}
	return b.String()
}

// verdict makes the exit status of what became of all deliveries, and says
// what to try next.
func (s *sending) verdict(results []result) error {
	all, connected := true, false
	var wrong *result
	for i := range results {
		connected = connected || results[i].connected
		if !results[i].right {
			all = false
			if wrong == nil {
				wrong = &results[i]
			}
		}
	}
	if all {
		return nil
	}
	hints := s.hints(wrong)
	if !connected {
		return &cli.Error{Status: cli.StatusError, Hints: hints}
	}
	return cli.No(hints...)
}

// hints say what a person can do about a delivery that was not accepted.
func (s *sending) hints(r *result) []string {
	var hints []string
	switch r.last.Kind {
	case deliver.Refused:
		hints = append(hints, "nothing listens there; to see what arrives: hooks listen "+s.target.Host+", or wait for the app with --wait 30s")
	case deliver.TLS:
		hints = append(hints, "--insecure does not check certificates")
	}
	if r.last.Response == nil {
		return hints
	}
	status := r.last.Response.Status
	switch {
	case s.expect != nil:
		hints = append(hints, fmt.Sprintf("%s was expected and %d came", s.o.Expect, status))
	case authStatus(status):
		hints = append(hints, s.signedBy())
		if s.signer.Signs() && s.o.Tamper == "" && s.o.Age == 0 {
			hints = append(hints, "to find out why: "+s.checkLine())
		}
		if s.keep && s.signer.Signs() {
			hints = append(hints, "what was sent, and whether its signature is right: "+s.verifyLine(r.delivery.ID))
		}
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		hints = append(hints, s.pathHint())
	}
	return hints
}

// pathHint is for whoever calls an address where there is no handler. One
// without a path is rarely that of a handler.
func (s *sending) pathHint() string {
	target := safetext.CleanURL(s.target.String())
	if usual := s.provider.Delivery.Path; s.target.Path == "" && usual != "" {
		return fmt.Sprintf("%s names no path; the usual one is %s", target, safetext.CleanURL(s.target.JoinPath(usual).String()))
	}
	return "is this the path of the handler? " + target
}

// verifyLine is the command that judges what was sent, with the secret that
// signed it.
func (s *sending) verifyLine(id string) string {
	return strings.TrimSpace("hooks verify " + id + " " + cli.SecretWords(s.o.Secrets))
}

// authStatus says whether status is one that refuses a signature.
func authStatus(status int) bool {
	return status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden
}

// checkLine is the command that tests the endpoint.
func (s *sending) checkLine() string {
	line := "hooks check " + httptext.Word(safetext.CleanURL(s.target.String())) + " --provider " + httptext.Word(s.provider.ID)
	if flags := cli.SecretWords(s.o.Secrets); flags != "" {
		line += " " + flags
	}
	if !address.LoopbackURL(s.target) {
		line += " --yes"
	}
	return line
}

// signedBy says which secret signed, for whom a signature was refused.
func (s *sending) signedBy() string {
	switch {
	case s.o.Unsigned:
		return "it was sent without a signature (--unsigned)"
	case len(s.named) == 0:
		return s.provider.ID + " signs nothing"
	case s.o.Tamper != "":
		return "its " + s.o.Tamper + " was made wrong on purpose (--tamper)"
	case s.named[0].Name == secret.DevelopmentName:
		return cli.SignedByDevelopment(s.provider.ID)
	case s.named[0].Source == s.named[0].Name:
		return "signed with " + secret.Words(s.named[0].Name)
	}
	return fmt.Sprintf("signed with %s (%s)", secret.Words(s.named[0].Name), s.named[0].Source)
}

// suite is the report for --junit.
func (s *sending) suite(results []result) junit.Suite {
	suite := junit.Suite{Name: "hooks send", At: s.env.Now()}
	for i := range results {
		r := &results[i]
		c := junit.Case{Class: s.provider.ID, Name: strings.TrimSpace(r.delivery.EventType + " " + r.delivery.EventID)}
		for _, a := range r.delivery.Attempts {
			c.Duration += a.Duration
		}
		switch {
		case r.right:
		case r.last.Response != nil:
			c.Failure = fmt.Sprintf("answered with %d", r.last.Response.Status)
			c.Output = s.signer.Hide(string(r.last.Response.Body[:min(len(r.last.Response.Body), 4<<10)]))
		case r.connected:
			c.Failure = r.last.Err
		default:
			c.Error = r.last.Err
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite
}
