package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A Handshake is a request with which a provider finds out whether an address
// wants its deliveries, and the answer that it expects.
type Handshake struct {
	Name   string
	Note   string
	Method string // of the request
	Signed bool   // the request is signed as deliveries are

	// Refuse is the status with which a request with a wrong signature has to
	// be answered, 0 if the provider does not try that.
	Refuse int
	// Allow lists the characters that a challenge may have besides letters,
	// digits and . _ ~ + / = -.
	Allow string

	rule    HandshakeRule
	when    []placePattern
	keep    *scheme.Place
	keepAt  string // the same as text
	visit   *scheme.Place
	status  int
	accept  []string
	headers []answerHeader
	body    *scheme.Texts // of the answer, "" if nil
	keyed   bool          // the answer takes the provider's secret
	send    handshakeSend
}

// A HandshakeRule is a handshake as its definition writes it, for whoever
// writes the receiver's side of it: places, patterns and templates of package
// scheme.
type HandshakeRule struct {
	When    map[string]string // by place
	Keep    string            // place of a secret that counts from now on
	Headers map[string]string // of the answer
	Body    string            // of the answer
	Query   []string          // names of the parameters that the provider sends
}

// Rule returns the handshake as it is defined. The maps are not to be changed.
func (h *Handshake) Rule() HandshakeRule { return h.rule }

type placePattern struct {
	place   *scheme.Place
	pattern string
}

type answerHeader struct {
	name string
	text *scheme.Texts
}

type handshakeSend struct {
	query   []sampleField
	headers []sampleField
	body    *sampleText
}

// An Answer is what a handshake is answered with.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Secret is the secret that the request brought, "" if it brings none.
	Secret string
}

// Handshakes returns the handshakes of the provider.
func (p *Provider) Handshakes() []*Handshake { return p.handshakes }

// Handshake finds the handshake that m is, and nil if it is none.
func (p *Provider) Handshake(m *scheme.Message) *Handshake {
	i := slices.IndexFunc(p.handshakes, func(h *Handshake) bool { return h.matches(m) })
	if i < 0 {
		return nil
	}
	return p.handshakes[i]
}

func (h *Handshake) matches(m *scheme.Message) bool {
	if m.Method != h.Method {
		return false
	}
	for _, w := range h.when {
		values := w.place.Values(m)
		if len(values) != 1 || !scheme.Fits(values[0], w.pattern) {
			return false
		}
	}
	return true
}

// Conditions is how many things tell the request from others.
func (h *Handshake) Conditions() int { return len(h.when) }

// NeedsSecret says whether the answer cannot be made without the provider's
// own secret.
func (h *Handshake) NeedsSecret() bool { return h.keyed }

// ErrNeedsSecret is returned by Answer without a key where one is needed.
var ErrNeedsSecret = errors.New("this handshake is answered with the provider's secret")

// Answer makes the answer to m. key may be nil where NeedsSecret is false.
func (h *Handshake) Answer(m *scheme.Message, key *scheme.Key) (*Answer, error) {
	if h.keyed && key == nil {
		return nil, ErrNeedsSecret
	}
	a := &Answer{Status: h.status, Header: http.Header{}}
	for _, one := range h.headers {
		if found := one.text.Read(m, key)[0]; found.OK {
			a.Header[one.name] = []string{found.Text}
		}
	}
	if h.body != nil {
		a.Body = []byte(h.body.Read(m, key)[0].Text)
	}
	if h.keep != nil {
		if values := h.keep.Values(m); len(values) == 1 {
			a.Secret = values[0]
		}
	}
	return a, nil
}

// HandsOver says whether the request brings a secret that counts from then on.
func (h *Handshake) HandsOver() bool { return h.keep != nil }

// HandOver puts a secret where the request brings it.
func (h *Handshake) HandOver(m *scheme.Message, secret safetext.Secret) error {
	if err := h.keep.Set(m, secret.Reveal()); err != nil {
		return fmt.Errorf("hand the secret over: %w", err)
	}
	return nil
}

// Conceal masks the secret that m brings, and returns the name of its place:
// that of a header, or a path.
func (h *Handshake) Conceal(m *scheme.Message) (place string, err error) {
	if name, ok := h.keep.Header(); ok {
		m.Header = m.Header.Clone()
		m.Header[name] = []string{safetext.Masked}
		return name, nil
	}
	return h.keepAt, h.keep.Set(m, safetext.Masked)
}

// Visits returns the address that m asks its receiver to open, "" if it asks
// for none.
func (h *Handshake) Visits(m *scheme.Message) string {
	if h.visit == nil {
		return ""
	}
	values := h.visit.Values(m)
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// Accepts says whether the provider takes this status for a right answer.
func (h *Handshake) Accepts(status int) bool { return statusIn(status, h.accept) }

// Request makes the provider's side of the handshake towards target. It is
// not signed; where Signed is true, Provider.Sign does that. A parameter that
// the query of target has is left as it is.
func (h *Handshake) Request(p *Provider, target string, o BuildOptions) (*scheme.Message, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	s := p.sampler(o)
	s.values = p.values
	m := &scheme.Message{Method: h.Method, Header: http.Header{}}
	given := u.Query()
	add := slices.DeleteFunc(slices.Clone(h.send.query), func(f sampleField) bool { return given.Has(f.name) })
	if len(add) > 0 {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery = string(appendForm([]byte(u.RawQuery), add, s))
	}
	m.URL = u.String()
	if h.send.body != nil {
		m.Body = h.send.body.append(nil, s)
		m.Header["Content-Type"] = []string{"application/json"}
	}
	for _, f := range h.send.headers {
		m.Header[f.name] = []string{string(f.text.append(nil, s))}
	}
	return m, s.err
}

// Check says what is wrong with an answer to m, and nil if it is right. A JSON
// answer is compared by value.
func (h *Handshake) Check(m *scheme.Message, key *scheme.Key, status int, header http.Header, body []byte) error {
	want, err := h.Answer(m, key)
	if err != nil {
		return err
	}
	if !h.Accepts(status) {
		return fmt.Errorf("the status is %d, not %s", status, strings.Join(h.accept, " or "))
	}
	for name := range want.Header {
		switch got := header.Get(name); {
		case name == "Content-Type" || name == "X-Content-Type-Options" || got == want.Header.Get(name):
		case got == "":
			return fmt.Errorf("the answer has no header %s", name)
		case h.keep != nil:
			return fmt.Errorf("the header %s is not what the request had", name)
		default:
			return fmt.Errorf("the header %s is %q, not %q", name, got, want.Header.Get(name))
		}
	}
	if len(want.Body) > 0 && !sameText(body, want.Body) {
		return fmt.Errorf("the body is %s, not %q", quoted(body), want.Body)
	}
	return nil
}

// quoted is the beginning of a body, for a message.
func quoted(body []byte) string {
	const enough = 200
	if len(body) == 0 {
		return "empty"
	}
	if len(body) > enough {
		return fmt.Sprintf("%q… (%d bytes)", body[:enough], len(body))
	}
	return fmt.Sprintf("%q", body)
}

func sameText(got, want []byte) bool {
	if string(got) == string(want) {
		return true
	}
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal(want, &b) != nil {
		return strings.TrimSpace(string(got)) == strings.TrimSpace(string(want))
	}
	return reflect.DeepEqual(a, b)
}

func (c *compiler) handshakes() {
	for i := range c.def.Handshakes {
		d := &c.def.Handshakes[i]
		path := fmt.Sprintf("handshakes[%d]", i)
		h := &Handshake{
			Name: d.Name, Note: d.Note, Method: d.Method, Signed: d.Signed, Refuse: d.Refuse, Allow: d.Allow,
			status: d.Status, accept: d.Accept,
			rule: HandshakeRule{When: d.When, Keep: d.Keep, Headers: d.Headers, Body: d.Body},
		}
		for _, f := range d.Send.Query {
			h.rule.Query = append(h.rule.Query, f.name)
		}
		if h.Method == "" {
			h.Method = "POST"
		}
		if h.status == 0 {
			h.status = http.StatusOK
		}
		if len(h.accept) == 0 {
			h.accept = []string{strconv.Itoa(h.status)}
		}
		c.statuses(path+".accept", h.accept)
		if h.Refuse != 0 && !h.Signed {
			c.wrong(path+".refuse", "it is for a request that is signed: signed: true")
		}
		if strings.Trim(h.Allow, " :") != "" {
			c.wrong(path+".allow", "%q: space and colon can be allowed, and nothing else", h.Allow)
		}
		for place, pattern := range d.When {
			p, err := scheme.ParsePlace(place)
			if err != nil {
				c.wrong(path+".when", "%v", err)
				continue
			}
			h.when = append(h.when, placePattern{p, pattern})
		}
		if len(d.When) == 0 {
			c.wrong(path+".when", "it is missing: it tells the handshake from a delivery")
		}
		c.answer(path, d, h)
		c.handshakeRequest(path+".send", &d.Send, h)
		c.out.handshakes = append(c.out.handshakes, h)
	}
}

func (c *compiler) answer(path string, d *handshake, h *Handshake) {
	var err error
	for field, text := range map[string]string{"keep": d.Keep, "visit": d.Visit} {
		if text == "" {
			continue
		}
		place, err := scheme.ParsePlace(text)
		if err != nil {
			c.wrong(path+"."+field, "%v", err)
		} else if field == "keep" {
			h.keep, h.keepAt = place, text
		} else {
			h.visit = place
		}
	}
	if d.Body != "" {
		if h.body, err = scheme.NewTexts([]string{d.Body}); err != nil {
			c.wrong(path+".body", "%v", err)
		} else {
			h.keyed = h.body.Keyed()
		}
	}
	for name, text := range d.Headers {
		t, err := scheme.NewTexts([]string{text})
		if err != nil {
			c.wrong(path+".headers", "%s: %v", name, err)
			continue
		}
		h.keyed = h.keyed || t.Keyed()
		h.headers = append(h.headers, answerHeader{http.CanonicalHeaderKey(name), t})
	}
}

func (c *compiler) handshakeRequest(path string, d *handshakeRequest, h *Handshake) {
	field := func(path, name, text string) sampleField {
		t, err := parseSample(text, c.def.Values)
		if err != nil {
			c.wrong(path, "%s: %v", name, err)
		}
		return sampleField{name, t}
	}
	for _, f := range d.Query {
		h.send.query = append(h.send.query, field(path+".query", f.name, f.value))
	}
	for name, text := range d.Headers {
		h.send.headers = append(h.send.headers, field(path+".headers", http.CanonicalHeaderKey(name), text))
	}
	if d.Body != "" {
		text, err := respace(d.Body, c.def.Request.JSON, c.def.Request.Escape)
		if err == nil {
			h.send.body, err = parseSample(text, c.def.Values)
		}
		if err != nil {
			c.wrong(path+".body", "%v", err)
		}
	}
}
