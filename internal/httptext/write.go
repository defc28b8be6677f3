package httptext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Format is a form in which requests are written.
type Format string

// The formats.
const (
	HTTP       Format = "http"       // the request as on the wire
	Curl       Format = "curl"       // a command for sh, dash, bash, zsh
	PowerShell Format = "powershell" // the same for PowerShell
	HAR        Format = "har"        // a HAR 1.2 log
	Body       Format = "body"       // the bytes of the body alone
)

// Formats lists the names of all formats.
func Formats() []string {
	return []string{string(HTTP), string(Curl), string(PowerShell), string(HAR), string(Body)}
}

// Options say how requests are written.
type Options struct {
	// Credentials writes what Masked would take out.
	Credentials bool
	// Version is that of hooks, for the creator of a HAR log.
	Version string
}

// Write writes the requests of deliveries in a format. Parse reads all of them
// again but PowerShell and Body, of which the latter takes one delivery only.
//
// Curl and PowerShell consist of visible characters and line breaks, and can be
// shown on a terminal; HTTP and Body are the bytes themselves.
func Write(w io.Writer, format Format, o Options, ds ...*webhook.Delivery) error {
	if !o.Credentials {
		masked := make([]*webhook.Delivery, len(ds))
		for i, d := range ds {
			masked[i] = Masked(d)
		}
		ds = masked
	}
	switch format {
	case HAR:
		return writeHAR(w, o.Version, ds)
	case Body:
		if len(ds) != 1 {
			return fmt.Errorf("the form %q holds one delivery, not %d", format, len(ds))
		}
		_, err := w.Write(ds[0].Body)
		return err
	}
	for i, d := range ds {
		var b bytes.Buffer
		var err error
		switch format {
		case HTTP:
			if i > 0 {
				b.WriteString("\r\n" + separator + "\r\n")
			}
			writeRaw(&b, d)
		case Curl:
			if i > 0 {
				b.WriteByte('\n')
			}
			err = writeCurl(&b, d)
		case PowerShell:
			if i > 0 {
				b.WriteByte('\n')
			}
			err = writePowerShell(&b, d)
		default:
			return fmt.Errorf("%q is not a form to write requests in", format)
		}
		if err != nil {
			return fmt.Errorf("write %s: %w", d.ID, err)
		}
		if _, err := w.Write(b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// Masked returns d without the credentials that its headers and URLs hold; d
// itself is unchanged. Redacted names the headers, and "url" if it was that.
func Masked(d *webhook.Delivery) *webhook.Delivery {
	c := *d
	var names []string
	c.Header, names = safetext.MaskHeader(d.Header)
	c.URL = safetext.CleanURL(d.URL)
	c.Query = strings.TrimPrefix(safetext.CleanURL("?"+d.Query), "?")
	if c.URL != d.URL || c.Query != d.Query {
		names = append(names, "url")
	}
	c.Redacted = append(slices.Clone(d.Redacted), names...)
	slices.Sort(c.Redacted)
	c.Redacted = slices.Compact(c.Redacted)
	c.Attempts = slices.Clone(d.Attempts)
	for i := range c.Attempts {
		c.Attempts[i] = *MaskedAttempt(&c.Attempts[i])
	}
	return &c
}

// MaskedAttempt is Masked for an attempt alone.
func MaskedAttempt(a *webhook.Attempt) *webhook.Attempt {
	c := *a
	c.URL = safetext.CleanURL(a.URL)
	if a.Response != nil {
		r := *a.Response
		r.Header, _ = safetext.MaskHeader(r.Header)
		c.Response = &r
	}
	return &c
}

// writeRaw writes the request as HTTP/1.1 has it.
func writeRaw(b *bytes.Buffer, d *webhook.Delivery) {
	method := d.Method
	if !token(method) {
		method = http.MethodPost
	}
	fmt.Fprintf(b, "%s %s HTTP/1.1\r\n", method, requestTarget(d))
	if host := hostOf(d); host != "" {
		fmt.Fprintf(b, "Host: %s\r\n", oneLine(host))
	}
	for _, f := range fieldsOf(d) {
		fmt.Fprintf(b, "%s: %s\r\n", f.name, f.value)
	}
	if len(d.Body) > 0 || mayHaveBody(method) {
		b.WriteString("Content-Length: " + strconv.Itoa(len(d.Body)) + "\r\n")
	}
	b.WriteString("\r\n")
	b.Write(d.Body)
}

func mayHaveBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// fieldsOf lists the headers that a request is sent with, sorted by name. Those
// that belong to a connection, and the host, are for the sender to set; a line
// break in a value becomes a space, as HTTP has it; what is no header name is
// left out.
func fieldsOf(d *webhook.Delivery) []field {
	var fields []field
	for _, name := range slices.Sorted(maps.Keys(d.Header)) {
		switch http.CanonicalHeaderKey(name) {
		case "Host", "Content-Length", "Transfer-Encoding", "Connection":
			continue
		}
		if !token(name) {
			continue
		}
		for _, value := range d.Header[name] {
			fields = append(fields, field{name, oneLine(value)})
		}
	}
	return fields
}

// oneLine returns what of a value can stand in a header.
func oneLine(s string) string {
	if strings.ContainsAny(s, "\r\n\x00") {
		s = strings.NewReplacer("\r", " ", "\n", " ", "\x00", " ").Replace(s)
	}
	return strings.Trim(s, " \t")
}

// requestTarget is path and query, without anything that would end the line.
func requestTarget(d *webhook.Delivery) string {
	target := d.Path
	if target == "*" {
		return target
	}
	if !strings.HasPrefix(target, "/") {
		target = "/" + target
	}
	if d.Query != "" {
		target += "?" + d.Query
	}
	return escapeURL(target)
}

// escapeURL writes bytes that a URL cannot hold by their number.
func escapeURL(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '#' {
			var b strings.Builder
			for i := 0; i < len(s); i++ {
				if c := s[i]; c <= ' ' || c >= 0x7f || c == '#' {
					fmt.Fprintf(&b, "%%%02X", c)
				} else {
					b.WriteByte(c)
				}
			}
			return b.String()
		}
	}
	return s
}

// hostOf is the host that was called.
func hostOf(d *webhook.Delivery) string {
	if host := d.Header.Get("Host"); host != "" {
		return host
	}
	_, after, _ := strings.Cut(d.URL, "://")
	_, host, _ := splitURL(after)
	return host
}

var errScheme = errors.New("its address is neither http nor https")

// address is the URL that was called, without user and password: https or
// http and nothing else, since other schemes read files.
func address(d *webhook.Delivery) (string, error) {
	if d.URL == "" {
		host := hostOf(d)
		if host == "" || strings.ContainsAny(host, "/?#@\\ \t\r\n\x00") {
			host = "127.0.0.1:3000"
		}
		return "http://" + escapeURL(host) + requestTarget(d), nil
	}
	scheme, rest, ok := strings.Cut(d.URL, "://")
	scheme = strings.ToLower(scheme)
	if !ok || scheme != "http" && scheme != "https" {
		return "", errScheme
	}
	rest, _, _ = strings.Cut(rest, "#")
	_, host, path := splitURL(rest)
	if host == "" {
		return "", errScheme
	}
	return scheme + "://" + escapeURL(host+path), nil
}
