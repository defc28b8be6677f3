package provider

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/scheme"
)

// A Handshake is a request with which a provider finds out whether an address
// wants its deliveries, and the answer that it expects.
type Handshake struct {
	Name   string
	Note   string
	Method string // of the request
	Signed bool   // the request is signed as deliveries are

	when    []placePattern
	keep    *scheme.Place
	status  int
	headers []answerHeader
	body    *scheme.Texts // of the answer, "" if nil
	keyed   bool          // the answer takes the provider's secret
	send    handshakeSend
}

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

// Request makes the provider's side of the handshake towards target. It is
// not signed; where Signed is true, Provider.Sign does that.
func (h *Handshake) Request(p *Provider, target string, o BuildOptions) (*scheme.Message, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, errors.New("the URL cannot be read")
	}
	s := p.sampler(o)
	s.values = p.values
	m := &scheme.Message{Method: h.Method, Header: http.Header{}}
	if len(h.send.query) > 0 {
		if u.RawQuery != "" {
			u.RawQuery += "&"
		}
		u.RawQuery = string(appendForm([]byte(u.RawQuery), h.send.query, s))
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
	if status != want.Status {
		return fmt.Errorf("status %d, want %d", status, want.Status)
	}
	for name := range want.Header {
		if name != "Content-Type" && header.Get(name) != want.Header.Get(name) {
			return fmt.Errorf("header %s is %q, want %q", name, header.Get(name), want.Header.Get(name))
		}
	}
	if len(want.Body) > 0 && !sameText(body, want.Body) {
		return fmt.Errorf("body is %q, want %q", body, want.Body)
	}
	return nil
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
		h := &Handshake{Name: d.Name, Note: d.Note, Method: d.Method, Signed: d.Signed, status: d.Status}
		if h.Method == "" {
			h.Method = "POST"
		}
		if h.status == 0 {
			h.status = http.StatusOK
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
	if d.Keep != "" {
		if h.keep, err = scheme.ParsePlace(d.Keep); err != nil {
			c.wrong(path+".keep", "%v", err)
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
