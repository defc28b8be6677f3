package send

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/junit"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// checkHandshake refuses the flags that are about events.
func checkHandshake(changed func(string) bool) error {
	for _, name := range []string{
		"event", "data", "set", "set-new", "id", "timestamp", "seed", "retry", "time-scale", "tamper", "unsigned", "age", "duplicate",
		"shuffle", "chunked", "slow", "expect-status", "count", "rate", "concurrency", "duration",
	} {
		if changed(name) {
			return cli.Usagef("--%s is about an event, and --handshake sends none", name)
		}
	}
	return nil
}

// chooseGreeter returns the provider whose handshakes are performed.
func chooseGreeter(env *cli.Env, name string) (*provider.Provider, error) {
	settings, err := env.Workspace().Settings()
	if err != nil {
		return nil, err
	}
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return nil, err
	}
	if name == "" {
		name = settings.Provider()
	}
	if name == "" {
		return nil, cli.Usage(errors.New("whose handshake?"), "name the provider: --provider NAME; those that have one: "+greeters(catalogue))
	}
	p, err := catalogue.Get(name)
	if err == nil && len(p.Handshakes()) == 0 {
		return nil, cli.Usage(fmt.Errorf("%s has no handshake", p.ID), "those that have one: "+greeters(catalogue))
	}
	return p, err
}

func greeters(c *provider.Catalogue) string {
	var ids []string
	for _, p := range c.Greeters() {
		ids = append(ids, p.ID)
	}
	return strings.Join(ids, ", ")
}

// needSecret says whether one of the handshakes of p takes a secret.
func needSecret(p *provider.Provider) bool {
	for _, h := range p.Handshakes() {
		if h.Signed || h.NeedsSecret() || h.HandsOver() {
			return true
		}
	}
	return false
}

// A greeting is one request of a handshake.
type greeting struct {
	handshake *provider.Handshake
	wrong     bool // its signature is wrong on purpose
	request   *webhook.Delivery
	message   *scheme.Message // the request as the answer is judged by
	last      deliver.Result
	problem   string // why the answer is not right
	notes     []string
}

func (g *greeting) name() string {
	if g.wrong {
		return g.handshake.Name + ", wrong signature"
	}
	return g.handshake.Name
}

// greetings makes the requests: one for each handshake, and one with a wrong
// signature where the provider tries that.
func (s *sending) greetings() ([]*greeting, error) {
	var out []*greeting
	for _, h := range s.provider.Handshakes() {
		g, err := s.greeting(h, false)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
		if h.Refuse == 0 {
			continue
		}
		if g, err = s.greeting(h, true); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func (s *sending) greeting(h *provider.Handshake, wrong bool) (*greeting, error) {
	now := s.env.Now()
	m, err := h.Request(s.provider, s.target.String(), provider.BuildOptions{At: now})
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%s %s: %w", s.provider.ID, h.Name, err))
	}
	if h.HandsOver() {
		if err := h.HandOver(m, s.named[0].Secret); err != nil {
			return nil, err
		}
	}
	if m.Header.Get("User-Agent") == "" {
		m.Header.Set("User-Agent", outgoing.UserAgent)
	}
	d := &webhook.Delivery{
		ID: s.ids.New(now), ReceivedAt: now, Direction: webhook.Sent, Provider: s.provider.ID,
		Method: m.Method, Proto: "HTTP/1.1", Header: m.Header, Body: m.Body,
	}
	outgoing.SetURL(d, m.URL)
	signer, err := s.handshakeSigner(h, wrong)
	if err != nil {
		return nil, err
	}
	if d, err = signer.Sign(d, now); err != nil {
		return nil, cli.Usage(fmt.Errorf("%s %s: %w", s.provider.ID, h.Name, err))
	}
	d.Verification = signer.Judge(d, now)
	return &greeting{
		handshake: h, wrong: wrong, request: d,
		message: &scheme.Message{Method: d.Method, URL: d.URL, Header: d.Header, Body: d.Body},
	}, nil
}

// handshakeSigner returns what signs a handshake, if it is signed at all.
func (s *sending) handshakeSigner(h *provider.Handshake, wrong bool) (*outgoing.Signer, error) {
	list := make([]provider.NamedSecret, 0, len(s.named))
	if h.Signed {
		for _, n := range s.named {
			list = append(list, provider.NamedSecret{Name: n.Name, Secret: n.Secret})
		}
	}
	signer, err := outgoing.NewSigner(s.provider, list...)
	if err != nil {
		return nil, cli.Usage(err)
	}
	signer.Rand, signer.Header = s.env.Rand, s.order.Header
	if !wrong {
		return signer, nil
	}
	other, err := s.provider.SecretForm().New()
	if err != nil {
		return nil, err
	}
	return signer, signer.Break(outgoing.SecretFault, other)
}

// shown is the request without the secret that it hands over.
func (s *sending) shown(g *greeting) *webhook.Delivery {
	d := *g.request
	if g.handshake.HandsOver() {
		m := *g.message
		if place, err := g.handshake.Conceal(&m); err == nil {
			d.Header, d.Body = m.Header, m.Body
			d.Redacted = append(d.Redacted, place)
		}
	}
	return s.signer.Conceal(&d)
}

func (s *sending) dryHandshakes(ctx context.Context) error {
	list, err := s.greetings()
	if err != nil {
		return err
	}
	s.tellTarget()
	out := make([]*webhook.Delivery, len(list))
	for i, g := range list {
		out[i] = s.shown(g)
	}
	return s.env.PrintRequests(ctx, out...)
}

// tellTarget says where to, if that was not typed.
func (s *sending) tellTarget() {
	if s.o.To == "" {
		s.env.Say("to %s", safetext.CleanURL(s.target.String()))
	}
}

// shakeHands performs the handshakes and tells of each.
func (s *sending) shakeHands(ctx context.Context) error {
	list, err := s.greetings()
	if err != nil {
		return err
	}
	s.tellTarget()
	for i, g := range list {
		if err := s.shake(ctx, g); err != nil {
			return err
		}
		if s.env.Global.WantsJSON() {
			continue
		}
		if err := s.tellHandshake(g); err != nil {
			return err
		}
		if !g.last.Connected {
			list = list[:i+1] // the others would not fare better
			break
		}
	}
	if s.env.Global.WantsJSON() {
		if err := s.env.JSON(ctx, s.handshakesJSON(list)); err != nil {
			return err
		}
	}
	if err := s.env.WriteJUnit(s.o.JUnit, s.handshakeSuite(list)); err != nil {
		return err
	}
	return s.handshakeVerdict(list)
}

// shake sends one request and judges the answer.
func (s *sending) shake(ctx context.Context, g *greeting) error {
	kept := s.shown(g)
	s.keepDelivery(ctx, kept)
	g.last = s.client.Send(ctx, outgoing.Request(g.request, s.manner), 1)
	if err := ctx.Err(); err != nil {
		return err
	}
	g.request.Attempts = append(g.request.Attempts, g.last.Attempt)
	if shown := s.shown(g); len(shown.Attempts) > 0 {
		s.keepAttempt(ctx, kept.ID, shown.Attempts[0])
	}
	r := g.last.Response
	switch {
	case r == nil:
		g.problem = g.last.Err
	case g.wrong && r.Status != g.handshake.Refuse:
		g.problem = fmt.Sprintf("the status is %d, not %d", r.Status, g.handshake.Refuse)
	case g.wrong:
	default:
		if err := g.handshake.Check(g.message, s.handshakeKey(), r.Status, r.Header, r.Body); err != nil {
			g.problem = s.signer.Hide(err.Error())
		}
		g.notes = s.handshakeNotes(g)
	}
	return nil
}

// handshakeKey is the key that an answer is made with, nil for none.
func (s *sending) handshakeKey() *scheme.Key {
	if len(s.named) == 0 {
		return nil
	}
	keys, err := s.provider.Keys(s.named[0].Secret)
	if err != nil || len(keys) == 0 {
		return nil
	}
	return keys[0]
}

// handshakeNotes are what is to be said of an answer that may be right all the
// same.
func (s *sending) handshakeNotes(g *greeting) []string {
	var out []string
	want, err := g.handshake.Answer(g.message, s.handshakeKey())
	if err != nil || g.problem != "" {
		return nil
	}
	expected, _, _ := mime.ParseMediaType(want.Header.Get("Content-Type"))
	got, _, _ := mime.ParseMediaType(g.last.Response.Header.Get("Content-Type"))
	if expected != "" && got != expected {
		out = append(out, "its Content-Type is "+safetext.Line(orNone(got))+"; "+s.provider.ID+" expects "+expected)
	}
	if g.handshake.Visits(g.message) != "" {
		out = append(out, s.provider.ID+" also waits until the app opens the address in the request, which is not tried here")
	}
	if g.handshake.HandsOver() {
		out = append(out, "it was handed "+secret.Words(s.named[0].Name)+", with which later events are signed")
	}
	return out
}

func orNone(text string) string {
	if text == "" {
		return "missing"
	}
	return text
}

func (s *sending) tellHandshake(g *greeting) error {
	v := s.env.View()
	shown := s.shown(g)
	var b strings.Builder
	glyph, verdict := v.Palette.Good("✓"), "answered rightly"
	if g.wrong {
		verdict = "refused, as it should be"
	}
	if g.problem != "" {
		glyph, verdict = v.Palette.Bad("✗"), safetext.Line(g.problem)
	}
	b.WriteString(glyph + " " + s.provider.ID + " " + safetext.Line(g.name()) + "  ")
	if g.last.Response == nil {
		b.WriteString(verdict + "\n")
	} else {
		b.WriteString(v.Status(g.last.Response.Status) + " in " + render.Duration(g.last.Duration) + ": " + verdict + "\n")
	}
	if g.problem != "" && g.last.Response != nil && !s.env.Global.Verbose {
		b.WriteString(excerpt(v, shown.Attempts[0].Response))
	}
	for _, note := range g.notes {
		b.WriteString("  " + v.Palette.Dim(note) + "\n")
	}
	if s.env.Global.Verbose {
		b.WriteString(v.Full(shown, render.FullOptions{Attempts: true}))
	}
	return s.env.Print(b.String())
}

type handshakesJSON struct {
	URL        string          `json:"url"`
	Provider   string          `json:"provider"`
	Passed     bool            `json:"passed"`
	Handshakes []handshakeJSON `json:"handshakes"`
}

type handshakeJSON struct {
	Name           string          `json:"name"`
	WrongSignature bool            `json:"wrong_signature"`
	Passed         bool            `json:"passed"`
	Problem        *string         `json:"problem"`
	Notes          []string        `json:"notes"`
	Delivery       json.RawMessage `json:"delivery"`
}

func (s *sending) handshakesJSON(list []*greeting) handshakesJSON {
	out := handshakesJSON{URL: safetext.CleanURL(s.target.String()), Provider: s.provider.ID, Passed: true, Handshakes: []handshakeJSON{}}
	for _, g := range list {
		one := handshakeJSON{Name: g.handshake.Name, WrongSignature: g.wrong, Passed: g.problem == "", Notes: append([]string{}, g.notes...)}
		if g.problem != "" {
			out.Passed, one.Problem = false, &g.problem
		}
		doc, err := httptext.Masked(s.shown(g)).MarshalJSON()
		if err == nil {
			one.Delivery = doc
		}
		out.Handshakes = append(out.Handshakes, one)
	}
	return out
}

func (s *sending) handshakeSuite(list []*greeting) junit.Suite {
	suite := junit.Suite{Name: "hooks send --handshake", At: s.env.Now()}
	for _, g := range list {
		c := junit.Case{Class: s.provider.ID, Name: g.name(), Duration: g.last.Duration}
		switch {
		case g.problem == "":
		case g.last.Connected:
			c.Failure = g.problem
		default:
			c.Error = g.problem
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite
}

// handshakeVerdict makes the exit status, and says what to try next.
func (s *sending) handshakeVerdict(list []*greeting) error {
	connected := false
	var wrong *greeting
	for _, g := range list {
		connected = connected || g.last.Connected
		if g.problem != "" && wrong == nil {
			wrong = g
		}
	}
	if wrong == nil {
		return nil
	}
	hints := s.handshakeHints(wrong)
	if !connected {
		return &cli.Error{Status: cli.StatusError, Hints: hints}
	}
	return cli.No(hints...)
}

// handshakeHints says what to try where g went wrong. What is said of a
// signature that was refused is said only where there is one.
func (s *sending) handshakeHints(g *greeting) []string {
	var hints []string
	r := g.last.Response
	if r == nil || g.handshake.Signed || g.handshake.NeedsSecret() || !authStatus(r.Status) {
		hints = s.hints(&result{delivery: g.request, last: g.last})
	}
	if r != nil && g.handshake.Note != "" {
		hints = append(hints, g.handshake.Note)
	}
	return hints
}
