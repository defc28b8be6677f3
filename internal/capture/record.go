package capture

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Record makes a delivery of a request and its body: the target as the bytes
// that came, every header value, Host and Content-Length among them. The
// delivery takes over r's header; its ID is empty.
func Record(r *http.Request, body []byte, now time.Time) *webhook.Delivery {
	target := intake.Target(r)
	if r.Host != "" {
		r.Header["Host"] = []string{r.Host}
	}
	path, query, asks := strings.Cut(origin(target), "?")
	return &webhook.Delivery{
		Direction:  webhook.Received,
		ReceivedAt: now,
		Method:     r.Method,
		URL:        calledURL(r, path, query, asks),
		Path:       path,
		Query:      query,
		Proto:      r.Proto,
		RemoteAddr: r.RemoteAddr,
		Header:     r.Header,
		Body:       body,
	}
}

// origin is a request target without scheme and host, which a client writes
// that takes us for a proxy.
func origin(target string) string {
	if strings.HasPrefix(target, "/") || target == "*" {
		return target
	}
	_, rest, _ := strings.Cut(target, "://")
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		if rest[i] == '?' {
			return "/" + rest[i:]
		}
		return rest[i:]
	}
	return "/"
}

// calledURL is the address that the sender called, as far as it is known. A
// proxy or tunnel in front says what it was; that it may lie does not matter:
// the address is an input of signatures, never a place that is called.
func calledURL(r *http.Request, path, query string, asks bool) string {
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if proto := firstOf(r.Header.Get("X-Forwarded-Proto")); proto == "http" || proto == "https" {
		scheme = proto
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); host == "" && ok {
		host = local.String() // HTTP/1.0 need not name one
	}
	if h := firstOf(r.Header.Get("X-Forwarded-Host")); h != "" && !strings.ContainsAny(h, "/?#@\\ \t") {
		host = h
	}
	if path == "*" {
		path = ""
	}
	if p := r.Header.Get("X-Forwarded-Prefix"); strings.HasPrefix(p, "/") && !strings.ContainsAny(p, "?# \t") {
		path = strings.TrimSuffix(p, "/") + path // what a relay or proxy took off
	}
	u := scheme + "://" + host + path
	if asks {
		u += "?" + query
	}
	return u
}

func firstOf(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(first)
}
