package scheme

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/spelling"
)

// A SpecError says what is wrong with a Spec. Field is the path of the field,
// such as "signature.format".
type SpecError struct {
	Field string
	Err   error
}

// Error names the field.
func (e *SpecError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns the error in the field.
func (e *SpecError) Unwrap() error { return e.Err }

func wrong(field string, err error) error {
	if err == nil {
		return nil
	}
	return &SpecError{field, err}
}

// Compile makes a Scheme of spec. The error is a *SpecError.
func Compile(spec Spec) (*Scheme, error) {
	s := &Scheme{spec: spec, name: spec.Name, sort: spec.Sort, join: spec.Join}
	if s.name == "" {
		s.name = spec.Algorithm
	}
	var ok bool
	if s.alg, ok = algorithmOf(spec.Algorithm); !ok {
		return nil, wrong("algorithm", unknownName("algorithm", spec.Algorithm, Algorithms()))
	}
	sc := scope{body: &s.paths}
	steps := []func(scope) error{
		s.compileEach, s.compileSignature, s.compileContent, s.compileStamp,
		s.compileAround, s.compileDigests, s.compileSignedHeaders, s.compileJWT, s.compileMessage, s.check,
	}
	for _, step := range steps {
		if s.each.kind != locNone {
			sc.item = &s.itemPaths
		}
		if err := step(sc); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func unknownName(what, name string, known []string) error {
	if name == "" {
		return errors.New("it is missing")
	}
	if near := spelling.Nearest(name, known); near != "" {
		return fmt.Errorf("%q is no known %s; did you mean %s?", name, what, near)
	}
	return fmt.Errorf("%q is no known %s", name, what)
}

func (s *Scheme) compileEach(sc scope) error {
	if s.spec.Each == "" {
		return nil
	}
	l, err := sc.location(s.spec.Each)
	if err == nil && (l.kind != locBody || !l.path.Many()) {
		err = errors.New("it must be a path with [*]")
	}
	s.each = l
	return wrong("each", err)
}

func (s *Scheme) compileSignature(sc scope) (err error) {
	if s.signature, err = sc.signatureForm(s.spec.Signature, s.alg); err != nil {
		return wrong("signature", err)
	}
	in := s.spec.Signature.In
	if len(in) == 0 && s.spec.Message != nil {
		in = []string{"header:Signature"}
	}
	for _, text := range expand(in) {
		l, err := sc.location(text)
		if err == nil && (l.kind == locClaim || l.kind == locKey || l.elem != "") {
			err = fmt.Errorf("a signature cannot stand in %s", text)
		}
		if err != nil {
			return wrong("signature.in", err)
		}
		s.at = append(s.at, l)
	}
	if len(s.at) == 0 {
		return wrong("signature.in", errors.New("it is missing"))
	}
	if s.each.kind != locNone && (len(s.at) > 1 || s.at[0].kind != locItem) {
		return wrong("signature.in", errors.New("with each it must be one place in the item, @.PATH"))
	}
	if s.secret, err = sc.secretForm(s.spec.Secret, s.alg); err != nil {
		return wrong("secret", err)
	}
	return nil
}

// expand counts {n} in places up to MaxSignatures.
func expand(in []string) []string {
	var out []string
	for _, text := range in {
		if !strings.Contains(text, "{n}") {
			out = append(out, text)
			continue
		}
		for i := 1; i <= MaxSignatures; i++ {
			out = append(out, strings.ReplaceAll(text, "{n}", strconv.Itoa(i)))
		}
	}
	return out[:min(len(out), MaxSignatures)]
}

func (s *Scheme) compileContent(sc scope) error {
	list := s.spec.Content
	if len(list) == 0 {
		list = []string{"{body}"}
	}
	for i, text := range list {
		t, err := sc.template(text)
		if err != nil {
			return wrong("content", err)
		}
		if i > 0 && s.join != "" && !s.sort {
			s.content.nodes = append(s.content.nodes, node{kind: nodeText, text: s.join})
		}
		s.content.nodes = append(s.content.nodes, t.nodes...)
		s.parts = append(s.parts, t)
	}
	if s.content.uses(nodeVariable) {
		return wrong("content", errors.New("the signature cannot sign itself"))
	}
	if s.alg.kind == kindHash && !s.content.any(func(n *node) bool { return n.kind == nodeSecret }) {
		return wrong("content", fmt.Errorf("%s has no key, so {secret} must be part of what is hashed", s.alg.name))
	}
	return nil
}

func (s *Scheme) compileStamp(sc scope) (err error) {
	spec := s.spec.Timestamp
	if s.stamp.unit, err = unitOf(spec.Unit.Value); err != nil {
		return wrong("timestamp", err)
	}
	s.stamp.tolerance = spec.Tolerance.Value
	if s.stamp.tolerance == 0 {
		s.stamp.tolerance = DefaultTolerance
	}
	if s.stamp.tolerance < 0 {
		return wrong("timestamp.tolerance", errors.New("it cannot be negative"))
	}
	s.stamp.inFormat = s.signature.index(nodeTimestamp) >= 0
	if spec.In != "" {
		if s.stamp.place, err = sc.location(spec.In); err != nil {
			return wrong("timestamp.in", err)
		}
		if s.stamp.inFormat {
			return wrong("timestamp.in", errors.New("the timestamp is already an element of signature.format"))
		}
	}
	uses := s.content.uses(nodeTimestamp)
	if uses && !s.stamp.exists() && s.message == nil {
		return wrong("content", errors.New("{timestamp} is signed, but timestamp.in does not say where it stands"))
	}
	switch s.stamp.place.kind {
	case locBody:
		uses = uses || s.coversBody() || s.reads(s.stamp.place)
	case locItem:
		uses = uses || s.reads(s.stamp.place)
	case locClaim:
		uses = true
	case locHeader:
		uses = uses || s.namesHeader(s.stamp.place.name) || s.reads(s.stamp.place)
	}
	s.stamp.signed = uses
	return nil
}

// coversBody says whether the signature covers the body as a whole, or a token
// its hash.
func (s *Scheme) coversBody() bool {
	if s.alg.jwt == "" {
		return s.content.any(func(n *node) bool {
			return n.kind == nodeBody || n.kind == nodeFields && n.text == "json"
		})
	}
	if s.spec.JWT == nil {
		return false
	}
	return s.spec.JWT.Detached || slices.ContainsFunc(s.spec.JWT.Claims, func(c Claim) bool {
		return c.Check && strings.Contains(c.Value, "{body")
	})
}

// namesHeader says whether a header is among those that a request names as
// signed.
func (s *Scheme) namesHeader(name string) bool {
	return s.spec.SignedHeaders != nil && slices.ContainsFunc(s.spec.SignedHeaders.Send, func(sent string) bool {
		return canonical(sent) == name
	})
}

// reads says whether the content has a part that is the place.
func (s *Scheme) reads(l location) bool {
	return s.content.any(func(n *node) bool { return n.kind == nodePlace && n.loc.String() == l.String() })
}

func (s *Scheme) compileAround(sc scope) (err error) {
	if s.spec.ID != "" {
		if s.id, err = sc.location(s.spec.ID); err != nil {
			return wrong("id", err)
		}
	}
	if s.content.uses(nodeID) && s.id.kind == locNone && s.signature.index(nodeID) < 0 {
		return wrong("content", errors.New("{id} is signed, but id does not say where it stands"))
	}
	for _, place := range slices.Sorted(maps.Keys(s.spec.When)) {
		l, err := sc.location(place)
		if err != nil {
			return wrong("when", err)
		}
		pattern := s.spec.When[place]
		s.when = append(s.when, condition{l, pattern, !strings.Contains(pattern, "*")})
	}
	if s.headers, err = sc.settings(s.spec.Headers, canonical); err != nil {
		return wrong("headers", err)
	}
	if s.partValue, err = sc.settings(s.spec.Signature.Parts, nil); err != nil {
		return wrong("signature.parts", err)
	}
	return nil
}

func (sc scope) settings(in map[string]string, spell func(string) string) ([]setting, error) {
	var out []setting
	for _, name := range slices.Sorted(maps.Keys(in)) {
		t, err := sc.template(in[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if spell != nil {
			name = spell(name)
		}
		out = append(out, setting{name, t})
	}
	return out, nil
}

func (s *Scheme) compileDigests(sc scope) error {
	for i, spec := range s.spec.Digests {
		field := "digests[" + strconv.Itoa(i) + "]"
		l, err := sc.location(spec.In)
		if err != nil {
			return wrong(field+".in", err)
		}
		d := digest{place: l, list: spec.List, optional: spec.Optional}
		for _, text := range spec.Value {
			t, err := sc.template(text)
			if err != nil {
				return wrong(field+".value", err)
			}
			d.values = append(d.values, t)
		}
		if len(d.values) == 0 {
			return wrong(field+".value", errors.New("it is missing"))
		}
		s.digests = append(s.digests, d)
	}
	return nil
}

func (s *Scheme) compileSignedHeaders(sc scope) (err error) {
	spec := s.spec.SignedHeaders
	if s.content.uses(nodeSignedHeaders) != (spec != nil) {
		return wrong("signed_headers", errors.New("it goes together with {signed-headers} in content"))
	}
	if spec == nil {
		return nil
	}
	sh := &signedHeaders{separator: spec.Separator, send: spec.Send, join: spec.Join}
	if sh.separator == "" {
		sh.separator = ","
	}
	if name, ok := strings.CutPrefix(spec.Names, "part:"); ok {
		sh.inFormat = name
		sh.names, err = sc.template("{part:" + name + "}")
	} else if sh.place, err = sc.location(spec.Names); err == nil {
		sh.names, err = sc.value(spec.Names)
	}
	if err != nil {
		return wrong("signed_headers.names", err)
	}
	format := spec.Format
	if format == "" {
		format = "{value}"
	}
	if sh.format, err = sc.template(format); err != nil {
		return wrong("signed_headers.format", err)
	}
	s.signed = sh
	return nil
}

// check refuses what no provider can mean.
func (s *Scheme) check(scope) error {
	if (s.alg.kind == kindToken || s.alg.kind == kindBasic) && len(s.spec.Content) > 0 {
		return wrong("content", fmt.Errorf("a %s signs nothing", s.alg.name))
	}
	if s.jwt != nil && s.message != nil {
		return wrong("http_message", errors.New("it cannot be a JSON web token as well"))
	}
	return nil
}
