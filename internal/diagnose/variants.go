package diagnose

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// secrets lists the secrets as they are and as they would be without each
// mistake. The first is the one that should be right.
func secrets(r Request) []change {
	out := []change{}
	seen := map[string]bool{}
	add := func(c Cause, name, text, detail string) {
		if text == "" || seen[text] {
			return
		}
		seen[text] = true
		out = append(out, change{cause: c, detail: detail, rank: len(out), secret: Secret{Name: name, Secret: safetext.NewSecret(text)}})
	}
	for i, s := range r.Secrets {
		c, detail := Cause(""), ""
		if i > 0 {
			c, detail = SecretOther, "the secret "+s.Name+" is the right one"
		}
		add(c, s.Name, s.Secret.Reveal(), detail)
	}
	for _, s := range r.Secrets {
		text := s.Secret.Reveal()
		add(SecretWhitespace, s.Name, strings.TrimSpace(text), "white space stands around the secret "+s.Name)
		add(SecretQuoted, s.Name, unquote(text), "the secret "+s.Name+" has quotes around it")
		add(SecretQuoted, s.Name, unquote(strings.TrimSpace(text)), "the secret "+s.Name+" has quotes and white space around it")
		for _, prefix := range []string{"whsec_", "v1,", "Bearer ", "sha256="} {
			if rest, ok := strings.CutPrefix(text, prefix); ok {
				add(SecretPrefix, s.Name, rest, "the signer took the secret "+s.Name+" without "+prefix)
			} else if prefix == "whsec_" {
				add(SecretPrefix, s.Name, prefix+text, "the signer took the secret "+s.Name+" with "+prefix+" in front")
			}
		}
		add(SecretWhitespace, s.Name, text+"\n", "the signer's secret ends in a newline that the secret "+s.Name+" has not")
		add(SecretWhitespace, s.Name, text+" ", "the signer's secret ends in a space that the secret "+s.Name+" has not")
	}
	for _, s := range r.Others {
		add(SecretOther, s.Name, s.Secret.Reveal(), "it was signed with the secret "+s.Name)
	}
	return out
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'' || s[0] == '`') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// schemes lists the provider's schemes and what becomes of them by each mistake
// in applying them.
func schemes(r Request) []change {
	l := &schemeList{}
	base := r.Provider.Schemes()
	for _, s := range base {
		if s.Applies(r.Message) {
			base = []*scheme.Scheme{s}
			break
		}
	}
	l.changes = append(l.changes, change{scheme: base[0]})
	spec := base[0].Spec()
	if spec.Message != nil || spec.JWT != nil {
		return l.changes
	}
	l.encodings(spec)
	l.secretEncodings(spec)
	l.algorithms(spec)
	l.contents(spec, r.Message)
	return l.changes
}

type schemeList struct {
	changes []change
}

// add compiles a changed spec. One that does not compile is no scheme that
// anybody could have used.
func (l *schemeList) add(c Cause, spec scheme.Spec, detail string) {
	if s, err := scheme.Compile(spec); err == nil {
		l.changes = append(l.changes, change{cause: c, detail: detail, rank: len(l.changes), scheme: s})
	}
}

// encodings has the mistakes in spelling a signature.
func (l *schemeList) encodings(spec scheme.Spec) {
	usual := spec.Signature.Encoding
	if usual == "" {
		usual = "hex"
	}
	for _, enc := range []string{"hex", "hex-upper", "base64", "base64url", "base64-raw", "base64url-raw", "base64-hex"} {
		if enc == usual {
			continue
		}
		changed := spec
		changed.Signature.Encoding = enc
		c := SignatureEncoding
		if usual == "hex" && enc == "hex-upper" || usual == "hex-upper" && enc == "hex" {
			c = SignatureCase
		}
		l.add(c, changed, "the signature is spelled in "+enc+", not in "+usual)
	}
	format := spec.Signature.Format
	for _, other := range []string{"{signature}", "sha256={signature}", "sha1={signature}", "v1={signature}", "v0={signature}", "v1,{signature}"} {
		if other == format || format == "" && other == "{signature}" || spec.Signature.Separator != "" {
			continue
		}
		changed := spec
		changed.Signature.Format = other
		l.add(SignaturePrefix, changed, "the signature came as "+other+", where the provider has "+orPlain(format))
	}
}

func orPlain(format string) string {
	if format == "" {
		return "{signature}"
	}
	return format
}

// secretEncodings has the mistakes in making a key of a secret.
func (l *schemeList) secretEncodings(spec scheme.Spec) {
	usual := spec.Secret.Encoding
	if usual == "" {
		usual = "raw"
	}
	if !strings.HasPrefix(spec.Algorithm, "hmac-") {
		return
	}
	for _, enc := range []string{"raw", "base64", "hex", "base64url"} {
		changed := spec
		changed.Secret.Encoding = enc
		if enc != usual {
			l.add(SecretEncoding, changed, "the signer took the secret as "+enc+", not as "+usual)
		}
		if enc != "raw" && len(spec.Secret.Prefix) == 0 {
			changed.Secret.Prefix = []string{"whsec_"}
			l.add(SecretEncoding, changed, "the signer took the secret after whsec_ as "+enc)
		}
		if len(spec.Secret.Prefix) > 0 && enc == "raw" {
			changed.Secret.Prefix = nil
			l.add(SecretEncoding, changed, "the signer took the whole secret, prefix and all, as it is")
		}
	}
}

// algorithms has the other hashes.
func (l *schemeList) algorithms(spec scheme.Spec) {
	if !strings.HasPrefix(spec.Algorithm, "hmac-") {
		return
	}
	for _, alg := range []string{"hmac-sha256", "hmac-sha1", "hmac-sha512", "hmac-sha384", "hmac-md5", "sha256", "sha1", "sha512", "md5"} {
		if alg == spec.Algorithm {
			continue
		}
		changed := spec
		changed.Algorithm = alg
		if !strings.HasPrefix(alg, "hmac-") { // a scheme of ours has a key: this one takes nothing of it
			changed.Content = append(slices.Clone(orBody(spec.Content)), "{secret|first:0}")
		}
		l.add(AlgorithmOther, changed, "it was made with "+alg+", not with "+spec.Algorithm)
	}
}

func orBody(content []string) []string {
	if len(content) == 0 {
		return []string{"{body}"}
	}
	return content
}

// contents has the other ways to join what is signed.
func (l *schemeList) contents(spec scheme.Spec, m *scheme.Message) {
	usual := "{body}"
	if len(spec.Content) > 0 {
		usual = strings.Join(spec.Content, spec.Join)
	}
	stamped := strings.Contains(usual, "{timestamp}")
	add := func(c Cause, content, detail string) {
		if content == usual {
			return
		}
		changed := spec
		changed.Content, changed.Join = []string{content}, ""
		l.add(c, changed, detail)
	}
	if !strings.Contains(usual, "{body}") {
		return
	}
	if stamped {
		add(TimestampMissing, "{body}", "the body alone was signed, without the timestamp")
	}
	joins := []string{"{timestamp}.{body}", "{timestamp}:{body}", "{timestamp}{body}", "{body}.{timestamp}", "{body}{timestamp}", "v0:{timestamp}:{body}", "{timestamp}\n{body}", "{timestamp}-{body}", "{timestamp}|{body}"}
	if strings.Contains(usual, "{id}") {
		joins = append(joins, "{id}.{body}", "{id}:{timestamp}:{body}", "{id}{timestamp}{body}", "{timestamp}.{id}.{body}")
	}
	for _, content := range joins {
		if stamped {
			add(ContentSeparator, content, "what was signed is "+strconv.Quote(content)+", where the provider has "+strconv.Quote(usual))
			continue
		}
		for _, name := range stampHeaders(m) {
			add(TimestampMissing, strings.ReplaceAll(content, "{timestamp}", "{header:"+name+"}"), "the time in "+name+" was signed too")
		}
	}
}

// stampHeaders names the headers that hold a time.
func stampHeaders(m *scheme.Message) []string {
	var out []string
	for name, values := range m.Header {
		if len(values) != 1 || !strings.Contains(strings.ToLower(name), "time") {
			continue
		}
		_, err := strconv.ParseInt(values[0], 10, 64)
		if _, terr := time.Parse(time.RFC3339Nano, values[0]); err == nil || terr == nil {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// messages lists the request as it is and as it would be if its headers or its
// address had not been changed.
func messages(r Request) []change {
	out := []change{{m: r.Message}}
	add := func(c Cause, m *scheme.Message, detail string) {
		out = append(out, change{cause: c, detail: detail, rank: len(out), m: m})
	}
	for _, s := range r.Provider.Schemes() {
		spec := s.Spec()
		content := strings.Join(spec.Content, " ")
		if strings.Contains(content, "{timestamp}") && spec.Timestamp.In != "" {
			stamps(r.Message, spec.Timestamp.In, add)
		}
		if strings.Contains(content, "{url") || strings.Contains(content, "{path") || strings.Contains(content, "{host") {
			addresses(r.Message, add)
		}
		for _, in := range spec.Signature.In {
			moved(r.Message, in, add)
		}
	}
	return out
}

// stamps has the timestamp in another unit or form.
func stamps(m *scheme.Message, in string, add func(Cause, *scheme.Message, string)) {
	place, err := scheme.ParsePlace(in)
	if err != nil {
		return
	}
	values := place.Values(m)
	if len(values) != 1 {
		return
	}
	try := func(c Cause, value, detail string) {
		changed := clone(m)
		if place.Set(changed, value) == nil {
			add(c, changed, detail)
		}
	}
	if n, err := strconv.ParseInt(values[0], 10, 64); err == nil {
		seconds := n
		if n > 1e11 {
			seconds = n / 1000
			try(TimestampUnit, strconv.FormatInt(seconds, 10), "the timestamp is in milliseconds, and was signed in seconds")
		} else {
			try(TimestampUnit, strconv.FormatInt(n*1000, 10), "the timestamp is in seconds, and was signed in milliseconds")
		}
		at := time.Unix(seconds, 0).UTC()
		try(TimestampFormat, at.Format(time.RFC3339), "the timestamp is in Unix time, and was signed in RFC 3339")
		try(TimestampFormat, at.Format("2006-01-02T15:04:05.000Z"), "the timestamp is in Unix time, and was signed in RFC 3339 with milliseconds")
		return
	}
	if at, err := time.Parse(time.RFC3339Nano, values[0]); err == nil {
		try(TimestampFormat, strconv.FormatInt(at.Unix(), 10), "the timestamp is in RFC 3339, and was signed in Unix seconds")
		try(TimestampFormat, strconv.FormatInt(at.UnixMilli(), 10), "the timestamp is in RFC 3339, and was signed in Unix milliseconds")
	}
}

// moved has the signature in the place where the provider puts it, taken from
// every header that could hold it.
func moved(m *scheme.Message, in string, add func(Cause, *scheme.Message, string)) {
	place, err := scheme.ParsePlace(in)
	if err != nil {
		return
	}
	own, whole := place.Header()
	if !whole {
		return
	}
	names := make([]string, 0, len(m.Header))
	for name := range m.Header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range m.Header[name] {
			if name == own || !signatureLike(value) {
				continue
			}
			changed := clone(m)
			changed.Header[own] = []string{value}
			add(SignatureHeader, changed, "the signature stands in "+name+", not in "+own)
		}
	}
}

// signatureLike says whether a value could be a signature: it is long, and not
// a sentence.
func signatureLike(value string) bool {
	return len(value) >= 20 && len(value) <= 1024 && !strings.Contains(value, " ") && !strings.Contains(value, "/json")
}

// addresses has the other addresses that the provider may have called.
func addresses(m *scheme.Message, add func(Cause, *scheme.Message, string)) {
	u, err := url.Parse(m.URL)
	if err != nil {
		return
	}
	seen := map[string]bool{m.URL: true}
	try := func(raw, detail string) {
		if !seen[raw] {
			seen[raw] = true
			changed := clone(m)
			changed.URL = raw
			add(ContentURL, changed, "the address that was signed is "+raw+": "+detail)
		}
	}
	hosts := []string{u.Host, m.Header.Get("X-Forwarded-Host"), m.Header.Get("X-Original-Host"), m.Header.Get("Host"), forwarded(m.Header, "host"), u.Hostname()}
	for _, protocol := range []string{u.Scheme, "https", "http"} {
		for _, host := range hosts {
			if host == "" {
				continue
			}
			for _, path := range paths(u, m.Header) {
				try(protocol+"://"+host+path, "a proxy in between has changed scheme, host or path")
			}
		}
	}
}

// paths lists the path and query as they are and as they may have been.
func paths(u *url.URL, h http.Header) []string {
	query := ""
	if u.RawQuery != "" {
		query = "?" + u.RawQuery
	}
	path := u.EscapedPath()
	out := []string{path + query, strings.TrimSuffix(path, "/") + query, path + "/" + query, path}
	if prefix := h.Get("X-Forwarded-Prefix"); prefix != "" {
		out = append(out, strings.TrimSuffix(prefix, "/")+path+query)
	}
	if u.RawQuery != "" {
		out = append(out, path+"?"+u.Query().Encode())
		if plain, err := url.QueryUnescape(u.RawQuery); err == nil {
			out = append(out, path+"?"+plain)
		}
	}
	if u.Path != path {
		out = append(out, u.Path+query)
	}
	return out
}

// forwarded reads a field of the first element of the Forwarded header.
func forwarded(h http.Header, field string) string {
	first, _, _ := strings.Cut(h.Get("Forwarded"), ",")
	for _, pair := range strings.Split(first, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, field) {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

func clone(m *scheme.Message) *scheme.Message {
	c := *m
	c.Header = m.Header.Clone()
	if c.Header == nil {
		c.Header = http.Header{}
	}
	return &c
}
