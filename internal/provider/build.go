package provider

import (
	crand "crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/spelling"
)

// BuildOptions say which sample event to make.
type BuildOptions struct {
	Type string
	ID   string    // "" makes one
	At   time.Time // when the event happened; zero takes a time that Seed gives

	// Seed makes the event reproducible: the same seed and time give the same
	// body and headers. nil makes a fresh one.
	Seed *int64

	// Body, if it is not nil, is carried instead of the sample's, byte for
	// byte. Type and ID are then read from it where it shows them, and any type
	// will do; an ID that is given replaces the one in the body.
	Body []byte
}

// An Event is an unsigned sample: what the provider would send, but for the
// signature.
type Event struct {
	Type      string
	ID        string // "" if the provider's events have none
	CreatedAt time.Time
	Method    string
	Header    http.Header
	Body      []byte
}

// An UnknownEventError says that a provider sends no such event. Nearest is
// the one that was probably meant, or "".
type UnknownEventError struct {
	Provider, Type, Nearest string
}

// Error names the event and the nearest one.
func (e *UnknownEventError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("%s has no event %q", e.Provider, e.Type)
	}
	return fmt.Sprintf("%s has no event %q; did you mean %s?", e.Provider, e.Type, e.Nearest)
}

// ErrNoEventID is returned by Build where an id is asked for and the
// provider's events have none.
var ErrNoEventID = errors.New("events of this provider have no id")

// seedEpoch is where the times begin that are taken from a seed.
const seedEpoch = 1704067200 // 2024-01-01T00:00:00Z

// Build makes a sample event. The body is as the provider writes it, with
// fresh ids and times that fit together.
func (p *Provider) Build(o BuildOptions) (*Event, error) {
	if o.Body != nil {
		return p.buildAround(o)
	}
	i := slices.IndexFunc(p.Events, func(e EventType) bool { return e.Type == o.Type })
	if i < 0 {
		names := make([]string, len(p.Events))
		for i, e := range p.Events {
			names[i] = e.Type
		}
		return nil, &UnknownEventError{p.ID, o.Type, spelling.Nearest(o.Type, names)}
	}
	if o.ID != "" && len(p.Places.ID) == 0 {
		return nil, fmt.Errorf("%s: %w", p.ID, ErrNoEventID)
	}
	s := p.sampler(o)
	sample := p.samples[i]
	s.values = p.values
	if sample.values != nil {
		s.values = sample.values
	}
	ev := &Event{Type: o.Type, CreatedAt: s.at, Method: p.Delivery.Method, Header: http.Header{}}
	if len(p.Places.ID) > 0 {
		if s.id = o.ID; s.id == "" {
			s.id = string(p.idForm.append(nil, s))
		}
		ev.ID = s.id
	}
	ev.Body = sample.body(s)
	s.body = ev.Body
	for _, h := range sample.headers {
		ev.Header[h.name] = []string{string(h.text.append(nil, s))}
	}
	p.setPlaces(ev)
	return ev, s.err
}

// sampler prepares the values of one event. A seed decides them all; without
// one they come from the system's random numbers.
func (p *Provider) sampler(o BuildOptions) *sampler {
	var seed [32]byte
	if o.Seed == nil {
		_, _ = crand.Read(seed[:]) // never fails
	} else {
		binary.LittleEndian.PutUint64(seed[:], uint64(*o.Seed))
		copy(seed[8:], o.Type)
	}
	s := &sampler{rng: rand.New(rand.NewChaCha8(seed)), at: o.At, typ: o.Type, named: map[string]string{}}
	if s.at.IsZero() {
		s.at = time.Unix(seedEpoch+s.rng.Int64N(365*24*3600), 0)
	}
	s.at = s.at.UTC()
	return s
}

// setPlaces puts id and type into the headers where the provider has them, if
// the sample does not.
func (p *Provider) setPlaces(ev *Event) {
	m := &scheme.Message{Header: ev.Header}
	if p.idPlace != nil && len(p.idPlace.Values(m)) == 0 && ev.ID != "" {
		_ = p.idPlace.Set(m, ev.ID)
	}
	if p.typePlace != nil && len(p.typePlace.Values(m)) == 0 {
		_ = p.typePlace.Set(m, ev.Type)
	}
}

// An eventSample is the compiled sample of one event type.
type eventSample struct {
	json    *sampleText // or text of another kind
	form    []sampleField
	headers []sampleField
	values  map[string]*sampleText
}

type sampleField struct {
	name string
	text *sampleText
}

func (e *eventSample) body(s *sampler) []byte {
	if e.json != nil {
		return e.json.append(make([]byte, 0, 1024), s)
	}
	return appendForm(nil, e.form, s)
}

func appendForm(dst []byte, form []sampleField, s *sampler) []byte {
	for i, f := range form {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, url.QueryEscape(f.name)...)
		dst = append(dst, '=')
		dst = append(dst, url.QueryEscape(string(f.text.append(nil, s)))...)
	}
	return dst
}

func (c *compiler) values() {
	c.out.values = c.sampleValues("values", c.def.Values, nil)
	form := c.def.Event.IDForm
	if form == "" {
		form = "evt_{{lower 16}}"
	}
	var err error
	if c.out.idForm, err = parseSample(form, c.def.Values); err != nil {
		c.wrong("event.id_form", "%v", err)
	}
}

func (c *compiler) sampleValues(path string, in map[string]string, base map[string]*sampleText) map[string]*sampleText {
	out := make(map[string]*sampleText, len(in)+len(base))
	maps.Copy(out, base)
	for name, text := range in {
		t, err := parseSample(text, c.names(in))
		if err != nil {
			c.wrong(path+"."+name, "%v", err)
			continue
		}
		out[name] = t
	}
	return out
}

// names are all names that a text may refer to.
func (c *compiler) names(more map[string]string) map[string]string {
	out := make(map[string]string, len(c.def.Values)+len(more))
	maps.Copy(out, c.def.Values)
	maps.Copy(out, more)
	return out
}

func (c *compiler) request() {
	r := &c.def.Request
	if _, err := respace("{}", r.JSON, r.Escape); err != nil {
		c.wrong("request."+strings.SplitN(err.Error(), ":", 2)[0], "%v", err)
	}
	if strings.Trim(r.End, " \t\r\n") != "" {
		c.wrong("request.end", "%q is more than white space", r.End)
	}
	if r.Method != "" && r.Method != strings.ToUpper(r.Method) {
		c.wrong("request.method", "%q is not in capitals", r.Method)
	}
}

func (c *compiler) events() {
	seen := map[string]bool{}
	for i := range c.def.Events {
		e := &c.def.Events[i]
		path := fmt.Sprintf("events[%d]", i)
		switch {
		case e.Type == "":
			c.wrong(path+".type", "it is missing")
		case strings.ContainsAny(e.Type, "\r\n"):
			c.wrong(path+".type", "it is more than one line")
		case seen[e.Type]:
			c.wrong(path+".type", "%q stands here twice", e.Type)
		}
		seen[e.Type] = true
		sample := &eventSample{}
		if len(e.Values) > 0 {
			sample.values = c.sampleValues(path+".values", e.Values, c.out.values)
		}
		names := c.names(e.Values)
		c.sample(path, e, names, sample)
		c.headers(path, e, names, sample)
		c.out.samples = append(c.out.samples, sample)
		c.out.Events = append(c.out.Events, EventType{Type: e.Type, Summary: e.Summary, Source: e.Source, Synthetic: e.Synthetic})
	}
}

// sample compiles the body of an event. The names that it gives to values are
// added to names, for what comes after.
func (c *compiler) sample(path string, e *eventDefinition, names map[string]string, out *eventSample) {
	given := 0
	for _, is := range []bool{e.Sample != "", e.Form != nil, e.Text != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		c.wrong(path, "%q needs one of sample, form and text", e.Type)
		return
	}
	switch {
	case e.Form != nil:
		for _, f := range e.Form {
			value := f.value
			if trimmed := strings.TrimSpace(value); strings.HasPrefix(trimmed, "{") && !strings.HasPrefix(trimmed, "{{") || strings.HasPrefix(trimmed, "[") {
				value, _ = respace(value, c.def.Request.JSON, c.def.Request.Escape)
			}
			t, err := parseSample(value, names)
			if err != nil {
				c.wrong(path+".form", "%s: %v", f.name, err)
				return
			}
			t.addNames(names)
			out.form = append(out.form, sampleField{f.name, t})
		}
	case e.Text != "":
		c.text(path+".text", e.Text, e.Text, names, out)
	default:
		text, err := respace(e.Sample, c.def.Request.JSON, c.def.Request.Escape)
		if err == nil {
			c.text(path+".sample", text+c.def.Request.End, e.Sample, names, out)
			c.checkJSON(path+".sample", e, out)
		}
	}
}

// text compiles the text of a sample, which stands in the definition as
// written.
func (c *compiler) text(path, text, written string, names map[string]string, out *eventSample) {
	t, err := parseSample(text, names)
	if err != nil {
		if at, ok := errors.AsType[*placeholderError](err); ok && strings.Contains(written, at.at) {
			c.inText(path, written, strings.Index(written, at.at), err.Error())
			return
		}
		c.wrong(path, "%v", err)
		return
	}
	t.addNames(names)
	out.json = t
}

// checkJSON makes a sample once, to see that it is JSON. What is built in was
// checked by a test.
func (c *compiler) checkJSON(path string, e *eventDefinition, out *eventSample) {
	if c.trusted {
		return
	}
	var at *payload.SyntaxError
	if err := payload.Valid([]byte(withoutPlaceholders(e.Sample))); errors.As(err, &at) {
		c.inText(path, e.Sample, at.Offset, "the sample is not JSON: "+strings.TrimSuffix(at.What, fmt.Sprintf(" at byte %d", at.Offset)))
		return
	}
	if out.json == nil || len(c.problems) > 0 {
		return
	}
	seed := int64(1)
	s := c.out.sampler(BuildOptions{Type: e.Type, Seed: &seed})
	s.values = c.out.values
	if out.values != nil {
		s.values = out.values
	}
	s.id = string(c.out.idForm.append(nil, s)) // ids may be numbers
	if err := payload.Valid(out.body(s)); err != nil {
		c.wrong(path, "a sample of it is %v", err)
	}
	if s.err != nil {
		c.wrong(path, "%v", s.err)
	}
}

// withoutPlaceholders puts text of the same length in the place of each {{…}}.
func withoutPlaceholders(sample string) string {
	var b strings.Builder
	for i := 0; i < len(sample); {
		n := tokenLength(sample[i:])
		filler := "1"
		if sample[i] == '"' {
			filler = "x"
		}
		for token := sample[i : i+n]; token != ""; {
			text, rest, found := strings.Cut(token, "{{")
			b.WriteString(text)
			if !found {
				break
			}
			end := placeholder("{{" + rest)
			b.WriteString(strings.Repeat(filler, end))
			token = rest[end-2:]
		}
		i += n
	}
	return b.String()
}

// headers compiles what goes along with an event: the content type, the
// provider's headers and the event's own.
func (c *compiler) headers(path string, e *eventDefinition, values map[string]string, out *eventSample) {
	kind := c.def.Request.ContentType
	switch {
	case kind != "":
	case e.Form != nil:
		kind = "application/x-www-form-urlencoded"
	default:
		kind = "application/json"
	}
	texts := map[string]string{"Content-Type": kind}
	for name, text := range c.def.Request.Headers {
		texts[http.CanonicalHeaderKey(name)] = text
	}
	for name, text := range e.Headers {
		texts[http.CanonicalHeaderKey(name)] = text
	}
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		t, err := parseSample(texts[name], values)
		if err != nil {
			c.wrong(path+".headers", "%s: %v", name, err)
			continue
		}
		out.headers = append(out.headers, sampleField{name, t})
	}
}
