package diagnose

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A recipe is one way to make what is signed of a body: an algorithm, a content
// and a request that the content is read from.
type recipe struct {
	change
	scheme *scheme.Scheme
	m      *scheme.Message // its body is not used
	keys   int             // index of the keys of its algorithm

	// pre and post stand around the body where nothing else of the content
	// depends on it, nor on the key.
	simple    bool
	pre, post []byte
}

// A cookbook is what recipes are made of: each with the provider's own first.
type cookbook struct {
	algorithms []variant
	contents   []variant
	messages   []message
	frames     map[[2]int]*recipe // by content and message: what surrounds the body
	seen       map[string]bool
}

func (s *search) cookbook() cookbook {
	spec := s.base.Spec()
	own := variant{spec: spec}
	return cookbook{
		algorithms: append([]variant{own}, s.algorithms(spec)...),
		contents:   append([]variant{own}, s.contents(spec)...),
		messages:   append([]message{{m: s.m}}, s.messages(spec)...),
		frames:     map[[2]int]*recipe{},
		seen:       map[string]bool{},
	}
}

// cook adds the recipes with as many mistakes as from to to.
func (s *search) cook(from, to int) {
	for _, alg := range s.book.algorithms {
		for ci, content := range s.book.contents {
			for mi, m := range s.book.messages {
				c := content.and(m.change)
				c = c.and(alg.change)
				if n := c.weight(); n < from || n > to || alg.hashed && content.weight() > 0 {
					continue
				}
				if alg.hashed {
					s.addRecipe(c, newRecipe(merged(alg, content), m.m), alg.spec)
					continue
				}
				at := [2]int{ci, mi}
				if s.book.frames[at] == nil {
					s.book.frames[at] = newRecipe(content.spec, m.m)
				}
				s.addRecipe(c, s.book.frames[at], alg.spec)
			}
		}
	}
}

// newRecipe is the recipe of a content and a request. Nobody can have signed so
// if it has no scheme. What is signed is read by the provider's own algorithm:
// with another the signature that stands there would be of the wrong length.
func newRecipe(content scheme.Spec, m *scheme.Message) *recipe {
	r := &recipe{m: m}
	var err error
	if r.scheme, err = scheme.Compile(content); err == nil {
		r.split()
	}
	return r
}

// addRecipe adds a recipe that differs from those there are.
func (s *search) addRecipe(c change, frame *recipe, alg scheme.Spec) {
	if frame.scheme == nil {
		return
	}
	r := *frame
	r.change, r.keys = c, s.algorithm(alg)
	r.rank += len(s.groups)
	if id := fmt.Sprint(r.keys, "\x00", string(r.pre), "\x00", string(r.post)); r.simple {
		if s.book.seen[id] {
			return
		}
		s.book.seen[id] = true
	}
	at := -1
	if r.simple && !s.base.Asymmetric() {
		at = slices.IndexFunc(s.groups, func(g group) bool {
			return g.keys == r.keys && g.recipes[0].simple && bytes.Equal(g.pre, r.pre)
		})
	}
	if at < 0 {
		at = len(s.groups)
		s.groups = append(s.groups, group{keys: r.keys, pre: r.pre})
	}
	s.groups[at].add(r)
}

// A variant is a changed spec.
type variant struct {
	change
	spec   scheme.Spec
	hashed bool // a plain hash, whose content has the secret in it
}

// merged is the spec of one variant with the content of the other.
func merged(alg, content variant) scheme.Spec {
	out := content.spec
	out.Content, out.Join = alg.spec.Content, ""
	return out
}

// A message is a changed request.
type message struct {
	change
	m *scheme.Message
}

// algorithm returns the index of the keys for a spec.
func (s *search) algorithm(spec scheme.Spec) int {
	if i := slices.Index(s.algNames, spec.Algorithm); i >= 0 {
		return i
	}
	s.algNames = append(s.algNames, spec.Algorithm)
	s.keys = append(s.keys, s.keysFor(spec))
	return len(s.algNames) - 1
}

// split finds out what stands around the body.
func (r *recipe) split() {
	spec := r.scheme.Spec()
	text := strings.Join(spec.Content, "")
	if text == "" {
		text = "{body}"
	}
	if spec.Sort || strings.HasPrefix(spec.Timestamp.In, "$") || strings.HasPrefix(spec.Timestamp.In, "form:") || spec.ID != "" && !strings.HasPrefix(spec.ID, "header:") {
		return
	}
	for _, in := range spec.Signature.In { // it is read to find the timestamp
		if !strings.HasPrefix(in, "header:") && !strings.HasPrefix(in, "query:") {
			return
		}
	}
	if strings.Count(text, "{body}") != 1 || !fixed(text) {
		return
	}
	const marker = "\x00the body\x00"
	content := string(r.scheme.SignedContent(withBody(r.m, []byte(marker)), nil))
	pre, post, ok := strings.Cut(content, marker)
	r.simple, r.pre, r.post = ok, []byte(pre), []byte(post)
}

// fixed says whether no part of a content depends on the body, but for {body}
// itself, nor on the key.
func fixed(content string) bool {
	for _, part := range strings.Split(content, "{")[1:] {
		name, _, _ := strings.Cut(part, "}")
		header := strings.HasPrefix(name, "header:") && !strings.ContainsAny(name, "|#")
		if !header && !slices.Contains([]string{"body", "timestamp", "id", "method", "lf", "url", "url-base", "origin", "scheme", "host", "path", "query", "path-query"}, name) {
			return false
		}
	}
	return true
}

func withBody(m *scheme.Message, body []byte) *scheme.Message {
	c := *m
	c.Body = body
	return &c
}

// algorithms lists the other hashes whose length is that of a signature that
// came.
func (s *search) algorithms(spec scheme.Spec) []variant {
	var out []variant
	add := func(c Cause, alg, detail string, content ...string) {
		v := variant{change: one(c, detail), spec: spec, hashed: len(content) > 0}
		v.rank, v.spec.Algorithm, v.spec.Content = len(out), alg, content
		if s.fits(alg) {
			out = append(out, v)
		}
	}
	if pairs := strings.TrimSuffix(spec.Algorithm, "-raw"); strings.HasPrefix(pairs, "ecdsa-") {
		other := pairs
		if pairs == spec.Algorithm {
			other += "-raw"
		}
		add(SignatureEncoding, other, "the ECDSA signature is not in the form of the provider: ASN.1 against two plain numbers")
	}
	if s.base.Asymmetric() {
		for _, alg := range scheme.Algorithms() {
			if family(alg) == family(spec.Algorithm) && alg != spec.Algorithm {
				add(AlgorithmOther, alg, "it was made with "+alg+", not with "+spec.Algorithm)
			}
		}
		return out
	}
	if !keyed(spec.Algorithm) {
		return nil
	}
	hashes := []string{"sha256", "sha1", "sha512", "sha384", "md5"}
	for _, h := range hashes {
		if "hmac-"+h != spec.Algorithm {
			add(AlgorithmOther, "hmac-"+h, "it was made with hmac-"+h+", not with "+spec.Algorithm)
		}
	}
	content := strings.Join(spec.Content, spec.Join)
	if content == "" {
		content = "{body}"
	}
	for _, h := range hashes {
		// A scheme of ours has a key: this one takes nothing of it.
		add(AlgorithmOther, h, "it is plain "+h+" of what is signed, without the secret", content+"{secret|first:0}")
		add(AlgorithmOther, h, "it is plain "+h+" of the secret and what is signed, not an HMAC", "{secret}"+content)
		add(AlgorithmOther, h, "it is plain "+h+" of what is signed and the secret, not an HMAC", content+"{secret}")
	}
	return out
}

// family is what algorithms have in common that take the same keys.
func family(alg string) string {
	for _, f := range []string{"rsa-", "ecdsa-p256-", "ecdsa-p384-", "ecdsa-p521-"} {
		if strings.HasPrefix(alg, f) && !strings.HasSuffix(alg, "-raw") {
			return f
		}
	}
	return alg
}

// fits says whether a signature that came can be of alg.
func (s *search) fits(alg string) bool {
	size := hashSize(alg)
	return size == 0 || slices.ContainsFunc(s.claims, func(c claim) bool { return len(c.raw) == size })
}

func hashSize(alg string) int {
	return map[string]int{"md5": 16, "sha1": 20, "sha256": 32, "sha384": 48, "sha512": 64}[strings.TrimPrefix(alg, "hmac-")]
}

// contents lists the other ways to join what is signed.
func (s *search) contents(spec scheme.Spec) []variant {
	usual := strings.Join(spec.Content, spec.Join)
	if usual == "" {
		usual = "{body}"
	}
	if !strings.Contains(usual, "{body}") {
		return nil
	}
	var out []variant
	add := func(c Cause, content, detail string) {
		if content == usual {
			return
		}
		v := variant{change: one(c, detail), spec: spec}
		v.rank, v.rare = len(out), len(out) > 8
		v.spec.Content, v.spec.Join = []string{content}, ""
		out = append(out, v)
	}
	stamped := strings.Contains(usual, "{timestamp}")
	if stamped {
		add(TimestampMissing, strings.ReplaceAll(joined(usual), "{timestamp}", ""), "the timestamp was left out of what is signed")
		add(TimestampMissing, "{body}", "the body alone was signed, without the timestamp")
	}
	for _, content := range joins(usual) {
		if stamped {
			add(ContentSeparator, content, "what was signed is "+content+", where the provider has "+usual)
			continue
		}
		for _, in := range stampHeaders(s.m) {
			add(TimestampMissing, strings.ReplaceAll(content, "{timestamp}", in.part), "the time in "+in.name+" was signed too, as "+content)
		}
	}
	if strings.Contains(usual, "{id}") {
		add(ContentSeparator, "{timestamp}.{body}", "what was signed is {timestamp}.{body}, where the provider has "+usual)
		add(ContentSeparator, "{body}", "the body alone was signed, where the provider has "+usual)
	}
	for _, part := range []string{"{url}", "{method}"} {
		if strings.Contains(usual, part) {
			add(ContentURL, strings.ReplaceAll(usual, part, ""), part+" was left out of what is signed")
		}
	}
	return out
}

// joined is a content without the separator beside the timestamp.
func joined(content string) string {
	for _, sep := range []string{".", ":", "\n", "|", "-"} {
		content = strings.ReplaceAll(content, "{timestamp}"+sep, "{timestamp}")
	}
	return content
}

// joins lists how timestamp and body are joined, and with them the id where one
// is signed.
func joins(usual string) []string {
	out := []string{
		"{timestamp}.{body}", "{timestamp}:{body}", "{timestamp}{body}", "{body}.{timestamp}", "{body}{timestamp}", "v0:{timestamp}:{body}",
		"{timestamp}\n{body}", "{body}:{timestamp}", "{timestamp}|{body}", "{timestamp}-{body}", "{timestamp},{body}", "{timestamp} {body}",
		"{timestamp}_{body}", "v1:{timestamp}:{body}", "{body}\n{timestamp}", "{body}|{timestamp}", "{timestamp};{body}", "{timestamp}&{body}", "v0.{timestamp}.{body}",
		"v0{timestamp}{body}", "v0={timestamp}:{body}", "{timestamp}/{body}", "{timestamp}+{body}", "{body}-{timestamp}", "{body},{timestamp}",
	}
	if !strings.Contains(usual, "{id}") {
		return out
	}
	var all []string
	for _, sep := range []string{".", ":", "", "\n", "|", "-", ","} {
		for _, order := range [][]string{{"{id}", "{timestamp}", "{body}"}, {"{timestamp}", "{id}", "{body}"}, {"{body}", "{timestamp}", "{id}"}, {"{body}", "{id}", "{timestamp}"}, {"{timestamp}", "{body}", "{id}"}} {
			all = append(all, strings.Join(order, sep))
		}
	}
	return append(all, out...)
}

// A stampPart is a header that holds a time, and how a template takes it.
type stampPart struct{ name, part string }

// maxStamps bounds the headers that are taken for timestamps.
const maxStamps = 3

// stampHeaders names the headers that hold a time.
func stampHeaders(m *scheme.Message) []stampPart {
	var out []stampPart
	for name, values := range m.Header {
		lower := strings.ToLower(name)
		if len(values) != 1 || !strings.Contains(lower, "time") && !strings.Contains(lower, "date") && !strings.HasSuffix(lower, "-at") {
			continue
		}
		if _, ok := timeOf(values[0]); ok || lower == "date" {
			out = append(out, stampPart{name, "{header:" + name + "}"})
		}
	}
	slices.SortFunc(out, func(a, b stampPart) int { return strings.Compare(a.name, b.name) })
	return out[:min(len(out), maxStamps)]
}

// timeOf reads a time in Unix seconds, in milliseconds, or in RFC 3339.
func timeOf(text string) (time.Time, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && len(text) >= 9 {
		if n > 1e11 {
			return time.UnixMilli(n), true
		}
		return time.Unix(n, 0), true
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t, err == nil
}

// messages lists the request as it would be if its timestamp or its address had
// not been changed.
func (s *search) messages(spec scheme.Spec) []message {
	var out []message
	add := func(c Cause, m *scheme.Message, detail string) *change {
		one := one(c, detail)
		one.rank = len(out)
		out = append(out, message{one, m})
		return &out[len(out)-1].change
	}
	content := strings.Join(spec.Content, " ")
	if strings.Contains(content, "{timestamp}") {
		s.stamps(spec, func(c Cause, m *scheme.Message, detail string) { add(c, m, detail) })
	}
	if strings.Contains(content, "{url") || strings.Contains(content, "{path") || strings.Contains(content, "{host") || strings.Contains(content, "{origin") {
		for i, a := range addresses(s.m) {
			m := clone(s.m)
			m.URL = a.url
			c := add(ContentURL, m, "the address that was signed is "+safetext.CleanURL(a.url)+a.why)
			c.rare, c.shown = i > 24, a.shown
		}
	}
	return out
}

// stamps has the timestamp in another unit or form.
func (s *search) stamps(spec scheme.Spec, add func(Cause, *scheme.Message, string)) {
	got, _ := s.base.Read(s.m)
	at, ok := timeOf(got.Timestamp)
	if !ok {
		return
	}
	try := func(c Cause, value, detail string) {
		m := clone(s.m)
		if spec.Timestamp.In == "" {
			for _, name := range s.base.SignatureHeaders() {
				if v := m.Header.Get(name); v != "" {
					m.Header.Set(name, strings.Replace(v, got.Timestamp, value, 1))
				}
			}
			add(c, m, detail)
			return
		}
		if place, err := scheme.ParsePlace(spec.Timestamp.In); err == nil && place.Set(m, value) == nil {
			add(c, m, detail)
		}
	}
	seconds, millis := strconv.FormatInt(at.Unix(), 10), strconv.FormatInt(at.UnixMilli(), 10)
	written := []struct{ value, name string }{
		{at.UTC().Format(time.RFC3339), "RFC 3339"},
		{at.UTC().Format("2006-01-02T15:04:05.000Z"), "RFC 3339 with milliseconds, as JavaScript's toISOString writes it"},
		{at.UTC().Format("2006-01-02T15:04:05.000000Z"), "RFC 3339 with microseconds"},
		{at.UTC().Format("2006-01-02T15:04:05+00:00"), "RFC 3339, as Python's isoformat writes it"},
		{at.UTC().Format("2006-01-02T15:04:05"), "RFC 3339 without a zone"},
		{at.UTC().Format("2006-01-02 15:04:05"), "a date and a time"},
		{at.UTC().Format(http.TimeFormat), "the form of HTTP dates"},
	}
	switch got.Timestamp {
	case seconds:
		try(TimestampUnit, millis, "the timestamp is in seconds, and was signed in milliseconds")
		try(TimestampUnit, seconds+".0", "the timestamp is whole seconds, and was signed with a point, as Python's time.time() is printed")
	case millis:
		try(TimestampUnit, seconds, "the timestamp is in milliseconds, and was signed in seconds")
	default:
		try(TimestampFormat, seconds, "the timestamp is in RFC 3339, and was signed in Unix seconds")
		try(TimestampFormat, millis, "the timestamp is in RFC 3339, and was signed in Unix milliseconds")
	}
	for _, w := range written {
		if w.value != got.Timestamp {
			try(TimestampFormat, w.value, "the timestamp is spelled "+got.Timestamp+", and was signed in "+w.name)
		}
	}
}

func clone(m *scheme.Message) *scheme.Message {
	c := *m
	c.Header = m.Header.Clone()
	if c.Header == nil {
		c.Header = http.Header{}
	}
	return &c
}
