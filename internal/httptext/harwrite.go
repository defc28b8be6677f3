package httptext

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// writeHAR writes a log with an entry for each delivery, and for each attempt
// of those that were sent.
func writeHAR(w io.Writer, version string, ds []*webhook.Delivery) error {
	if version == "" {
		version = "dev"
	}
	log := harLog{Version: "1.2", Creator: harCreator{"hooks", version}, Entries: []harEntry{}}
	for _, d := range ds {
		if d.Direction != webhook.Sent || len(d.Attempts) == 0 {
			log.Entries = append(log.Entries, receivedEntry(d))
			continue
		}
		for i := range d.Attempts {
			log.Entries = append(log.Entries, attemptEntry(d, &d.Attempts[i]))
		}
	}
	enc := json.NewEncoder(escaping{w})
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(map[string]harLog{"log": log})
}

// escaping makes JSON fit for a terminal. An Encoder writes a value at once.
type escaping struct{ w io.Writer }

func (e escaping) Write(p []byte) (int, error) {
	if _, err := e.w.Write(safetext.EscapeJSON(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func receivedEntry(d *webhook.Delivery) harEntry {
	return harEntry{
		StartedDateTime: webhook.FormatTime(d.ReceivedAt), Request: requestOf(d, d.URL), Response: responseOf(d.Response),
		Direction: webhook.Received, Comment: d.ID,
	}
}

func attemptEntry(d *webhook.Delivery, a *webhook.Attempt) harEntry {
	ms := webhook.Milliseconds(a.Duration)
	return harEntry{
		StartedDateTime: webhook.FormatTime(a.At), Time: ms, Request: requestOf(d, a.URL), Response: responseOf(a.Response),
		Timings: harTimings{Wait: ms}, Direction: webhook.Sent, Comment: strings.TrimSpace(d.ID + " " + a.Err),
	}
}

func requestOf(d *webhook.Delivery, to string) harRequest {
	if to == "" {
		to = "http://" + hostOf(d) + requestTarget(d)
	}
	r := harRequest{
		Method: d.Method, URL: to, HTTPVersion: "HTTP/1.1", Cookies: []harField{}, Headers: listHeaders(d.Header),
		QueryString: []harField{}, HeadersSize: -1, BodySize: len(d.Body),
	}
	if d.Proto != "" {
		r.HTTPVersion = d.Proto
	}
	if u, err := url.Parse(to); err == nil {
		for pair := range strings.SplitSeq(u.RawQuery, "&") {
			name, value, _ := strings.Cut(pair, "=")
			name, err1 := url.QueryUnescape(name)
			value, err2 := url.QueryUnescape(value)
			if err1 == nil && err2 == nil && name != "" {
				r.QueryString = append(r.QueryString, harField{name, value})
			}
		}
	}
	if len(d.Body) > 0 {
		r.PostData = &harBody{MimeType: d.Header.Get("Content-Type"), Params: []harField{}}
		r.PostData.Text, r.PostData.Encoding = encodeText(d.Body)
	}
	return r
}

func responseOf(in *webhook.Response) harResponse {
	r := harResponse{Cookies: []harField{}, Headers: []harField{}, HTTPVersion: "HTTP/1.1", HeadersSize: -1, BodySize: -1}
	if in == nil {
		return r // status 0: none came
	}
	r.Status, r.StatusText = in.Status, http.StatusText(in.Status)
	r.Headers = listHeaders(in.Header)
	r.RedirectURL = in.Header.Get("Location")
	r.BodySize, r.Content.Size = len(in.Body), len(in.Body)
	r.Content.MimeType = in.Header.Get("Content-Type")
	r.Content.Text, r.Content.Encoding = encodeText(in.Body)
	return r
}

func encodeText(b []byte) (text, encoding string) {
	if utf8.Valid(b) {
		return string(b), ""
	}
	return base64.StdEncoding.EncodeToString(b), "base64"
}

func listHeaders(h http.Header) []harField {
	fields := []harField{}
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			fields = append(fields, harField{name, value})
		}
	}
	return fields
}
