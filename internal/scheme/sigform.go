package scheme

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxElements bounds a format; an element is a bit in parsed.seen.
const maxElements = 8

// A sigForm is a compiled Signature: how the value of the place where the
// signature stands is put together and taken apart.
type sigForm struct {
	elements   []element
	separator  string
	sets       string
	positional bool
	partNames  []string // by index of an element's part
	encoding   encoding
	wrapped    bool             // the whole value is base64
	base64     *base64.Encoding // nil for the encodings that are not base64
}

// An element is one piece of a format: text around one part.
type element struct {
	prefix, suffix string
	kind           nodeKind // nodeVariable for the signature, nodeText if there is no part
	name           string   // of a nodePart
	part           int      // its index
}

var errFormat = errors.New("each element of a format holds one part at most")

func (sc scope) signatureForm(spec Signature, alg algorithm) (sigForm, error) {
	f := sigForm{separator: spec.Separator, sets: spec.Sets, wrapped: spec.Wrap == "base64"}
	if spec.Wrap != "" && !f.wrapped {
		return sigForm{}, fmt.Errorf("wrap: %q is not base64", spec.Wrap)
	}
	format := spec.Format
	switch {
	case format == "" && alg.kind == kindBasic:
		format = "Basic {signature}"
	case format == "":
		format = "{signature}"
	}
	pieces := []string{format}
	if f.separator != "" {
		pieces = splitFormat(format, f.separator)
	}
	for _, piece := range pieces {
		e, err := sc.element(piece)
		if err != nil {
			return sigForm{}, err
		}
		if e.prefix == "" && f.separator != "" && e.kind != nodeText {
			f.positional = true
		}
		if e.kind == nodePart {
			e.part = len(f.partNames)
			f.partNames = append(f.partNames, e.name)
		}
		f.elements = append(f.elements, e)
	}
	if len(f.partNames) > maxParts || len(f.elements) > maxElements {
		return sigForm{}, fmt.Errorf("format %q has more than %d elements or %d of {part:NAME}", format, maxElements, maxParts)
	}
	if f.index(nodeVariable) < 0 {
		return sigForm{}, fmt.Errorf("format %q has no {signature}", format)
	}
	if f.sets != "" && f.separator == "" {
		return sigForm{}, errors.New("sets needs a separator")
	}
	var err error
	f.encoding, err = encodingOf(spec.Encoding, alg)
	f.base64 = f.encoding.base64()
	return f, err
}

// splitFormat splits at sep outside of braces. A format that holds sep only in
// front of its part, as in "v1,{signature}" with ", ", stays whole.
func splitFormat(format, sep string) []string {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(format); i++ {
		switch two := format[i:min(i+2, len(format))]; {
		case depth == 0 && (two == "{{" || two == "}}"):
			i++
			continue
		case two[0] == '{':
			depth++
		case two[0] == '}':
			depth--
		}
		if depth == 0 && strings.HasPrefix(format[i:], sep) {
			out = append(out, format[start:i])
			i += len(sep) - 1
			start = i + 1
		}
	}
	return append(out, format[start:])
}

func (sc scope) element(text string) (element, error) {
	t, err := sc.template(text)
	if err != nil {
		return element{}, err
	}
	var e element
	parts := 0
	for _, n := range t.nodes {
		switch {
		case n.kind == nodeText && parts == 0:
			e.prefix = n.text
		case n.kind == nodeText:
			e.suffix = n.text
		case n.kind == nodeTimestamp, n.kind == nodeID, n.kind == nodePart, n.kind == nodeVariable && n.text == "signature":
			e.kind, e.name = n.kind, n.text
			parts++
		default:
			return element{}, fmt.Errorf("format %q: only {signature}, {timestamp}, {id} and {part:NAME} can stand in a format", text)
		}
	}
	if parts > 1 {
		return element{}, fmt.Errorf("format %q: %w", text, errFormat)
	}
	return e, nil
}

func (f *sigForm) index(kind nodeKind) int {
	for i := range f.elements {
		if f.elements[i].kind == kind {
			return i
		}
	}
	return -1
}

// several says whether one value can hold several signatures.
func (f *sigForm) several() bool { return f.separator != "" }

// parsed is what was found in the value of a signature.
type parsed struct {
	n      int // signatures
	text   [MaxSignatures]string
	set    [MaxSignatures]int // the set that each one belongs to
	sets   int
	stamps [MaxSignatures]string // by set
	at     [MaxSignatures]time.Time
	ids    [MaxSignatures]string
	parts  [MaxSignatures][maxParts]string
	seen   [MaxSignatures]uint8 // which elements of a set have come
}

// reset forgets what was found. It is written so that a request with one
// signature costs little.
func (p *parsed) reset() {
	for i := range p.n {
		p.text[i] = ""
	}
	for i := range p.sets {
		if p.seen[i] != 0 {
			p.seen[i], p.stamps[i], p.ids[i], p.parts[i] = 0, "", "", [maxParts]string{}
		}
	}
	p.n, p.sets = 0, 0
}

// parse takes value apart. It fails if value is malformed, or repeats what may
// be there once.
func (f *sigForm) parse(p *parsed, value string) bool {
	if f.wrapped {
		inner, err := base64.StdEncoding.Strict().DecodeString(value)
		if err != nil || strings.ContainsAny(value, "\r\n") {
			return false
		}
		value = string(inner)
	}
	if f.sets == "" {
		return f.parseSet(p, value)
	}
	for {
		one, rest, more := strings.Cut(value, f.sets)
		if !f.parseSet(p, one) {
			return false
		}
		if !more {
			return true
		}
		value = rest
	}
}

func (f *sigForm) parseSet(p *parsed, value string) bool {
	if p.sets == MaxSignatures || len(value) > maxSignatureText {
		return false
	}
	set, before := p.sets, p.n
	p.sets++
	if f.separator == "" {
		return f.take(p, set, 0, value) && p.n > before
	}
	for i := 0; ; i++ {
		one, rest, more := strings.Cut(value, f.separator)
		at := f.find(one, i)
		if one == "" || at >= 0 && !f.take(p, set, at, one) {
			return false
		}
		if !more {
			break
		}
		value = rest
	}
	return p.n > before
}

// find returns which element text is, and -1 for one that is not known.
func (f *sigForm) find(text string, position int) int {
	if f.positional {
		return min(position, len(f.elements)-1)
	}
	for i := range f.elements {
		if strings.HasPrefix(text, f.elements[i].prefix) {
			return i
		}
	}
	return -1
}

func (f *sigForm) take(p *parsed, set, at int, text string) bool {
	e := &f.elements[at]
	inner, ok := strings.CutPrefix(text, e.prefix)
	if !ok {
		return false
	}
	if inner, ok = strings.CutSuffix(inner, e.suffix); !ok || inner == "" && e.kind != nodeText {
		return false
	}
	if e.kind == nodeVariable {
		if p.n == MaxSignatures {
			return false
		}
		p.text[p.n], p.set[p.n] = inner, set
		p.n++
		return true
	}
	bit := uint8(1) << at
	if p.seen[set]&bit != 0 {
		return false
	}
	p.seen[set] |= bit
	switch e.kind {
	case nodeTimestamp:
		p.stamps[set] = inner
	case nodeID:
		p.ids[set] = inner
	case nodePart:
		p.parts[set][e.part] = inner
	case nodeText:
		return inner == ""
	}
	return true
}

// render puts signatures into one value.
func (f *sigForm) render(r *reading, signatures []string) string {
	value := f.plain(r, signatures)
	if f.wrapped {
		return base64.StdEncoding.EncodeToString([]byte(value))
	}
	return value
}

func (f *sigForm) plain(r *reading, signatures []string) string {
	if f.sets != "" && len(signatures) > 1 {
		sets := make([]string, len(signatures))
		for i := range signatures {
			sets[i] = f.plain(r, signatures[i:i+1])
		}
		return strings.Join(sets, f.sets)
	}
	var out []string
	for _, e := range f.elements {
		values := signatures
		switch e.kind {
		case nodeTimestamp:
			values = []string{r.timestamp}
		case nodeID:
			values = []string{r.id}
		case nodePart:
			values = []string{r.s.part(r, e.name)}
		case nodeText:
			values = []string{""}
		}
		for _, v := range values {
			out = append(out, e.prefix+v+e.suffix)
		}
	}
	return strings.Join(out, f.separator)
}

// An encoding is how the bytes of a signature are spelled. Decoding accepts
// exactly what encoding makes.
type encoding uint8

const (
	hexLower encoding = iota
	hexUpper
	base64Std
	base64Raw
	base64URL
	base64URLRaw
	base64Hex
	plainText
)

var encodings = [...]string{"hex", "hex-upper", "base64", "base64-raw", "base64url", "base64url-raw", "base64-hex", "plain"}

func encodingOf(name string, alg algorithm) (encoding, error) {
	if alg.kind == kindBasic {
		return base64Std, nil
	}
	if alg.kind == kindToken || alg.jwt != "" {
		if name != "" && name != "plain" {
			return 0, fmt.Errorf("encoding: %s has none but plain", alg.name)
		}
		return plainText, nil
	}
	if name == "" {
		if alg.kind == kindPublic {
			return base64Std, nil
		}
		return hexLower, nil
	}
	for i, e := range encodings {
		if e == name && encoding(i) != plainText {
			return encoding(i), nil
		}
	}
	return 0, fmt.Errorf("encoding: %q is none of %s", name, strings.Join(encodings[:plainText], ", "))
}

func (e encoding) base64() *base64.Encoding {
	switch e {
	case base64Std, base64Hex:
		return base64.StdEncoding.Strict()
	case base64Raw:
		return base64.RawStdEncoding.Strict()
	case base64URL:
		return base64.URLEncoding.Strict()
	case base64URLRaw:
		return base64.RawURLEncoding.Strict()
	}
	return nil
}

// encode spells b.
func (f *sigForm) encode(b []byte) string {
	switch f.encoding {
	case hexLower:
		return hex.EncodeToString(b)
	case hexUpper:
		return strings.ToUpper(hex.EncodeToString(b))
	case base64Hex:
		return f.base64.EncodeToString([]byte(hex.EncodeToString(b)))
	case plainText:
		return string(b)
	}
	return f.base64.EncodeToString(b)
}

// decode appends the bytes that text spells to dst.
func (f *sigForm) decode(dst []byte, text string) ([]byte, bool) {
	switch f.encoding {
	case hexLower, hexUpper:
		return decodeHex(dst, text, f.encoding == hexUpper)
	case plainText:
		return append(dst, text...), true
	}
	// The decoder of the standard library passes over line ends.
	if strings.ContainsAny(text, "\r\n") {
		return dst, false
	}
	out, err := f.base64.AppendDecode(dst, []byte(text))
	if err != nil {
		return dst, false
	}
	if f.encoding == base64Hex {
		return decodeHex(dst, string(out[len(dst):]), false)
	}
	return out, true
}
