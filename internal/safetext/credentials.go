package safetext

import (
	"net/http"
	"net/url"
	"sort"
	"strings"
)

// Masked stands in place of a credential that is kept out of an output.
const Masked = redacted

// Sensitive says whether a header of this name carries a credential:
// Authorization, Cookie, and names that end in a word like Token, Key, Secret
// or Password. Names of keys that open nothing (Idempotency-Key) are not.
func Sensitive(header string) bool {
	words := strings.FieldsFunc(strings.ToLower(header), func(r rune) bool { return r == '-' || r == '_' })
	if len(words) == 0 {
		return false
	}
	switch last := words[len(words)-1]; last {
	case "authorization", "cookie", "cookie2", "password", "passwd", "secret", "credential", "credentials",
		"apikey", "accesskey", "jwt", "assertion", "auth", "authenticate", "authentication",
		"accesstoken", "authtoken", "apitoken", "apisecret", "clientsecret", "passphrase":
		return true
	case "token", "key":
		return len(words) == 1 || !opensNothing(words[len(words)-2])
	}
	return false
}

// opensNothing says whether a key or token qualified by this word only names
// or counts something.
func opensNothing(word string) bool {
	switch word {
	case "idempotency", "idempotence", "event", "websocket", "routing", "partition", "ordering", "surrogate",
		"cache", "dedup", "deduplication", "sort", "message", "continuation", "page", "next":
		return true
	}
	return false
}

// MaskHeader returns a copy of h in which the value of every sensitive header
// is replaced, and the names of those headers, sorted. What kind of credential
// it was ("Bearer …") stays. A header without credentials gives no names.
func MaskHeader(h http.Header) (masked http.Header, names []string) {
	masked = h.Clone()
	for name, values := range masked {
		if !Sensitive(name) || len(values) == 0 {
			continue
		}
		names = append(names, name)
		for i, v := range values {
			values[i] = MaskValue(v)
		}
	}
	sort.Strings(names)
	return masked, names
}

// MaskValue returns what is shown in place of the value of a sensitive header.
func MaskValue(value string) string {
	kind, _, ok := strings.Cut(value, " ")
	if !ok {
		return Masked
	}
	switch strings.ToLower(kind) {
	case "basic", "bearer", "digest", "token", "negotiate", "hawk", "apikey":
		return kind + " " + Masked
	}
	return Masked
}

// CleanURL returns s without the credentials that a URL can hold: user and
// password, and the values of parameters that are named like one (token, key,
// signature, …), in the query and behind "#". The rest stays as it is, be it a
// correct URL or not; it still has to pass through Line to be printed.
func CleanURL(s string) string {
	s = cleanUser(s)
	mark := strings.IndexAny(s, "?#")
	if mark < 0 {
		return s
	}
	var b strings.Builder
	b.WriteString(s[:mark])
	for rest := s[mark:]; rest != ""; {
		end := strings.IndexAny(rest[1:], "?#&;")
		if end < 0 {
			end = len(rest) - 1
		}
		b.WriteByte(rest[0])
		b.WriteString(cleanPair(rest[1 : end+1]))
		rest = rest[end+1:]
	}
	return b.String()
}

// cleanUser replaces what stands before "@" in the authority. Browsers and
// servers disagree about a second "@": everything up to the last one goes.
func cleanUser(s string) string {
	start := strings.Index(s, "//")
	if start < 0 {
		return s
	}
	start += len("//")
	end := strings.IndexAny(s[start:], "/?#")
	if end < 0 {
		end = len(s) - start
	}
	at := strings.LastIndexByte(s[start:start+end], '@')
	if at < 0 {
		return s
	}
	return s[:start] + "…" + s[start+at:]
}

func cleanPair(pair string) string {
	name, value, ok := strings.Cut(pair, "=")
	if !ok || value == "" || !sensitiveParameter(name) {
		return pair
	}
	return name + "=…"
}

// sensitiveParameter says whether a query parameter of this name is, or is
// part of, a credential.
func sensitiveParameter(name string) bool {
	if plain, err := url.QueryUnescape(name); err == nil && plain != name {
		return sensitiveParameter(strings.ReplaceAll(plain, "%", "-")) // servers undo it once
	}
	words := splitName(name)
	if len(words) == 0 {
		return false
	}
	last := words[len(words)-1]
	switch last {
	case "token", "key":
		return len(words) == 1 || !opensNothing(words[len(words)-2])
	case "secret", "password", "passwd", "passphrase", "pwd", "pass", "auth", "authorization",
		"signature", "sig", "hmac", "credential", "credentials", "jwt", "assertion", "session", "sessionid",
		"accesstoken", "authtoken", "apikey", "accesskey", "clientsecret", "apitoken", "apisecret":
		return true
	}
	return false
}

// splitName cuts a parameter name into lower-case words at punctuation,
// percent escapes and camel case.
func splitName(name string) []string {
	var words []string
	var word strings.Builder
	flush := func() {
		if word.Len() > 0 {
			words = append(words, strings.ToLower(word.String()))
			word.Reset()
		}
	}
	lower := false
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '%':
			flush()
			i += 2
		case c >= 'A' && c <= 'Z':
			if lower {
				flush()
			}
			word.WriteByte(c)
			lower = false
			continue
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c >= 0x80:
			word.WriteByte(c)
			lower = true
			continue
		default:
			flush()
		}
		lower = false
	}
	flush()
	return words
}
