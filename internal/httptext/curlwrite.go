package httptext

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// writeCurl writes a command that sends the same request again. Every part of
// the delivery stands in single quotes, or is printed by the shell's printf
// from escapes; the body comes on standard input, never as "@name"; the URL
// stands behind "--". Nothing in a delivery can become an option, a file name
// or a command.
func writeCurl(b *bytes.Buffer, d *webhook.Delivery) error {
	url, err := address(d)
	if err != nil {
		return err
	}
	method := d.Method
	if !token(method) {
		return fmt.Errorf("%.40q is not a method", method)
	}
	lines := curlHeaders(d, url)
	switch {
	case method == http.MethodHead:
		lines = append([]string{"--head"}, lines...)
	case method == http.MethodGet && len(d.Body) == 0, method == http.MethodPost && len(d.Body) > 0:
	default:
		lines = append([]string{"--request " + sh(method)}, lines...)
	}
	feed, document := "", ""
	switch {
	case len(d.Body) > 0:
		lines = append(lines, "--data-binary @-")
		feed, document = shBody(d.Body)
	case mayHaveBody(method):
		lines = append(lines, "--data-binary ''")
	}
	if strings.ContainsAny(url, "[]{}") {
		lines = append(lines, "--globoff")
	}
	if strings.Contains(url, "/.") {
		lines = append(lines, "--path-as-is")
	}
	lines = append(lines, "-- "+sh(url))
	for _, name := range masked(d) {
		fmt.Fprintf(b, "# %s stands for a credential that is left out\n", name)
	}
	b.WriteString(feed + "curl " + strings.Join(lines, " \\\n  ") + document + "\n")
	return nil
}

// curlHeaders are the options for the headers, among them those that keep curl
// from adding its own.
func curlHeaders(d *webhook.Delivery, url string) []string {
	var lines []string
	if host := d.Header.Get("Host"); host != "" && !strings.EqualFold(host, hostIn(url)) {
		lines = append(lines, "-H "+sh("Host: "+oneLine(host)))
	}
	for _, f := range fieldsOf(d) {
		switch kind, hidden := strings.CutSuffix(f.value, safetext.Masked); {
		case hidden:
			lines = append(lines, "-H "+sh(f.name+": "+kind)+`"$`+variable(f.name)+`"`)
		case f.value == "":
			lines = append(lines, "-H "+sh(f.name+";"))
		default:
			lines = append(lines, "-H "+sh(f.name+": "+f.value))
		}
	}
	usual := []string{"Accept", "User-Agent"}
	if len(d.Body) > 0 || mayHaveBody(d.Method) {
		usual = append(usual, "Content-Type")
	}
	if len(d.Body) > 1<<20 {
		usual = append(usual, "Expect")
	}
	for _, name := range usual {
		if d.Header.Values(name) == nil {
			lines = append(lines, "-H '"+name+":'")
		}
	}
	return lines
}

func hostIn(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?"); end >= 0 {
		rest = rest[:end]
	}
	return rest
}

// variable names the shell variable that stands in for the credential in a
// header: REDACTED_AUTHORIZATION. Senders choose the names of headers: without
// the word in front, GITHUB_TOKEN or HOME of whoever runs the command would go
// out with it.
func variable(header string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, "redacted_"+header)
}

// masked lists the variables of the headers that have been masked.
func masked(d *webhook.Delivery) []string {
	var names []string
	for _, f := range fieldsOf(d) {
		if strings.HasSuffix(f.value, safetext.Masked) {
			names = append(names, "$"+variable(f.name))
		}
	}
	return names
}

// sh quotes s for any POSIX shell. What cannot be seen is written as escapes
// for printf.
func sh(s string) string {
	if visible(s, "") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return `"$(printf '` + printfEscapes(s) + `')"`
}

// documentEnd ends here-documents.
const documentEnd = "HOOKS_BODY"

// shBody returns what feeds the body to curl, in front of it, or as a
// here-document behind it. A here-document always ends with a newline, and an
// interactive shell may replace "!" in it: other bodies are printed.
func shBody(body []byte) (feed, document string) {
	text := string(body)
	switch {
	case !visible(text, "\n\t"):
		return "printf '" + printfEscapes(text) + "' |\n", ""
	case strings.HasSuffix(text, "\n") && !strings.Contains(text, "!") && !strings.Contains("\n"+text, "\n"+documentEnd+"\n"):
		return "", " <<'" + documentEnd + "'\n" + text + documentEnd
	}
	return "printf '%s' '" + strings.ReplaceAll(text, "'", `'\''`) + "' |\n", ""
}

// visible says whether every character of s can be seen, or is among others,
// and no CI system would take a part of it for a command.
func visible(s, others string) bool {
	if !utf8.ValidString(s) || safetext.Orders(s) {
		return false
	}
	for _, r := range s {
		if safetext.Hidden(r) && !strings.ContainsRune(others, r) {
			return false
		}
	}
	return true
}

// printfEscapes writes s as a format for printf, in characters that mean
// nothing to a shell within single quotes.
func printfEscapes(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '%':
			b.WriteString("%%")
		case r == '\\':
			b.WriteString(`\\`)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\'', r == '-' && i == 0, strings.HasPrefix(s[i:], "##"), r == utf8.RuneError && size == 1, safetext.Hidden(r):
			for _, c := range []byte(s[i : i+size]) {
				fmt.Fprintf(&b, `\%03o`, c)
			}
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}
