package outgoing

import (
	"net/url"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Manner is how a request goes over the wire.
type Manner struct {
	Timeout time.Duration
	Chunked bool
	Slow    time.Duration
}

// Request returns what d sends. It shares d's header and body.
func Request(d *webhook.Delivery, m Manner) deliver.Request {
	return deliver.Request{
		Method: d.Method, URL: d.URL, Header: d.Header, Body: d.Body,
		Timeout: m.Timeout, Chunked: m.Chunked, Slow: m.Slow,
	}
}

// SetURL lets d call raw, with the path and query that it has.
func SetURL(d *webhook.Delivery, raw string) {
	d.URL = raw
	if u, err := url.Parse(raw); err == nil {
		d.Path, d.Query = u.EscapedPath(), u.RawQuery
		if d.Path == "" {
			d.Path = "/"
		}
	}
}

// Rooted returns an address as whoever is called sees it: one without a path
// calls the root, which is what schemes sign that sign the address.
func Rooted(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Path != "" {
		return raw
	}
	u.Path = "/"
	return u.String()
}
