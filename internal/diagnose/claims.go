package diagnose

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A claim is one reading of a value that came with the request as a signature.
type claim struct {
	change
	text string // as it is spelled, without what stands around it
	raw  []byte // decoded; nil if it was only cut off
	from string // the header that it came in, if that is not the provider's
}

// Of a signature that was cut off, so much has to be right before it is said.
const (
	leastHex    = 16
	leastBase64 = 11
)

// claims reads everything in the request that may be a signature by spec.
func claims(sch *scheme.Scheme, m *scheme.Message) []claim {
	l := &claimList{spec: sch.Spec(), seen: map[string]bool{}}
	if got, ok := sch.Read(m); ok {
		for _, s := range got.Signatures {
			l.decode(change{}, s, "")
		}
	}
	own := map[string]bool{}
	for _, in := range l.spec.Signature.In {
		place, err := scheme.ParsePlace(in)
		if err != nil {
			continue
		}
		name, _ := place.Header()
		own[name] = true
		for _, v := range place.Values(m) {
			l.value(change{}, v, "")
		}
	}
	names := make([]string, 0, len(m.Header))
	for name := range m.Header {
		if !own[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range m.Header[name] {
			if signatureLike(v) {
				l.value(one(SignatureHeader, "the signature stands in "+safetext.Line(name)+", not in "+strings.Join(wanted(sch), " or ")), v, name)
			}
		}
	}
	return l.list
}

// wanted names where the scheme has its signature.
func wanted(sch *scheme.Scheme) []string {
	if names := sch.SignatureHeaders(); len(names) > 0 {
		return names[:1]
	}
	return sch.Spec().Signature.In
}

// signatureLike says whether a value could be a signature: it is long enough,
// and no sentence.
func signatureLike(value string) bool {
	return len(value) >= 20 && len(value) <= 2048 && strings.Count(value, " ") <= 3 && !strings.Contains(value, "/json")
}

type claimList struct {
	spec scheme.Spec
	list []claim
	seen map[string]bool
}

// maxClaims bounds what is read out of a request.
const maxClaims = 200

// value finds the signatures in a value, and judges what stands around each.
func (l *claimList) value(c change, value, from string) {
	if l.spec.Signature.Wrap == "base64" {
		if inner, err := base64.StdEncoding.DecodeString(value); err == nil {
			value = string(inner)
		}
	}
	if plain, err := url.QueryUnescape(value); err == nil && strings.Contains(value, "%") {
		l.runs(c.and(one(SignatureEncoding, "the signature is percent-encoded")), plain, from)
	}
	if l.base64() && strings.Contains(value, " ") {
		plus := strings.ReplaceAll(value, " ", "+")
		l.runs(c.and(one(SignatureEncoding, "the + of the signature came as spaces: it was decoded as a form")), plus, from)
	}
	l.runs(c, value, from)
}

// runs finds what is long enough and of the right letters.
func (l *claimList) runs(c change, value, from string) {
	for _, at := range regexp.MustCompile(`[A-Za-z0-9+/_-]{11,}={0,2}`).FindAllStringIndex(value, maxClaims) {
		text := value[at[0]:at[1]]
		around := value[:at[0]] + "{signature}" + value[at[1]:]
		l.decode(c.and(l.prefix(around, text)), text, from)
		// What stands in front may be of the same letters: "hmac-sha256-…".
		if i := strings.LastIndexAny(text, "-_"); i > 0 && len(text)-i > leastHex && isHex(text[i+1:]) {
			l.decode(c.and(l.prefix(value[:at[0]+i+1]+"{signature}"+value[at[1]:], text[i+1:])), text[i+1:], from)
		}
	}
}

// prefix says whether what stands around a signature is as the provider has it.
func (l *claimList) prefix(around, text string) change {
	format := l.spec.Signature.Format
	if format == "" {
		format = "{signature}"
	}
	got, want := []string{around}, []string{format}
	if sep := l.spec.Signature.Separator; sep != "" {
		got, want = strings.Split(around, sep), strings.Split(format, sep)
	}
	if !strings.Contains(format, "{signature}") {
		want = []string{format}
	}
	mark := func(s string) bool { return strings.Contains(s, "{signature}") }
	have, usual := got[slices.IndexFunc(got, mark)], want[max(0, slices.IndexFunc(want, mark))]
	if have == usual || strings.EqualFold(have, usual) && text == strings.ToUpper(text) && isHex(text) {
		return change{}
	}
	sentence := "the signature came as " + safetext.Line(around) + ", where the provider has " + usual
	if front, _, _ := strings.Cut(usual, "{signature}"); have == "{signature}" && front != "" {
		sentence = "the signature came without " + front + " in front"
	}
	return one(SignaturePrefix, sentence)
}

func (l *claimList) base64() bool { return strings.HasPrefix(l.encoding(), "base64") }

func (l *claimList) encoding() string {
	switch {
	case l.spec.Signature.Encoding != "":
		return l.spec.Signature.Encoding
	case strings.HasPrefix(l.spec.Algorithm, "hmac-"), slices.Contains([]string{"sha1", "sha256", "sha384", "sha512", "md5"}, l.spec.Algorithm):
		return "hex"
	}
	return "base64"
}

// decode reads a text in every spelling that it fits.
func (l *claimList) decode(c change, text, from string) {
	usual := l.encoding()
	if len(text) >= leastHex && isHex(text) {
		c := c
		switch {
		case l.base64() && usual != "base64-hex":
			c = c.and(one(SignatureEncoding, "the signature is spelled in hex, not in "+usual))
		case usual == "hex" && text != strings.ToLower(text), usual == "hex-upper" && text != strings.ToUpper(text):
			c = c.and(one(SignatureCase, "the hex digits are not in the letter case that the provider sends: "+letters(usual)))
		}
		raw, _ := hex.DecodeString(text)
		l.add(claim{c, strings.ToLower(text), raw, from})
		return
	}
	for _, e := range base64s(usual) {
		raw, err := e.enc.DecodeString(text)
		if err != nil {
			continue
		}
		if isHex(string(raw)) && len(raw) >= leastHex {
			inner, _ := hex.DecodeString(string(raw))
			l.add(claim{l.spelled(c, usual, "base64-hex"), text, inner, from})
		}
		l.add(claim{l.spelled(c, usual, e.name), text, raw, from})
	}
	if len(text) >= leastBase64 {
		l.add(claim{c, text, nil, from})
	}
}

// A spelling is a kind of base64.
type spelling struct {
	name string
	enc  *base64.Encoding
}

// base64s has the usual one first: where two fit, it is that one.
func base64s(usual string) []spelling {
	all := []spelling{
		{"base64", base64.StdEncoding},
		{"base64-raw", base64.RawStdEncoding},
		{"base64url", base64.URLEncoding},
		{"base64url-raw", base64.RawURLEncoding},
	}
	slices.SortStableFunc(all, func(a, b spelling) int {
		switch usual {
		case a.name:
			return -1
		case b.name:
			return 1
		}
		return 0
	})
	return all
}

// spelled adds that a signature is spelled otherwise than usual. Without
// padding and special letters the spellings are the same.
func (l *claimList) spelled(c change, usual, name string) change {
	if usual == name {
		return c
	}
	names := map[string]string{"base64-raw": "base64 without its padding", "base64url-raw": "base64url without padding", "base64-hex": "base64 of the hex digits"}
	say := func(name string) string {
		if n, ok := names[name]; ok {
			return n
		}
		return name
	}
	return c.and(one(SignatureEncoding, "the signature is spelled in "+say(name)+", not in "+say(usual)))
}

func letters(usual string) string {
	if usual == "hex-upper" {
		return "capitals"
	}
	return "small letters"
}

func (l *claimList) add(c claim) {
	id := fmt.Sprint(c.raw == nil, c.text, "\x00", string(c.raw))
	if l.seen[id] || len(l.list) == maxClaims {
		return
	}
	l.seen[id] = true
	c.rank, c.shown = len(l.list), true
	l.list = append(l.list, c)
}

func isHex(s string) bool {
	return s != "" && strings.Trim(s, "0123456789abcdefABCDEF") == ""
}
