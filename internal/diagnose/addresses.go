package diagnose

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// An address is one that the provider may have called.
type address struct {
	url   string
	why   string
	shown bool // the request names it
}

// addresses lists the other addresses that may have been signed: what a proxy
// says about itself first, then what proxies usually change without a word.
func addresses(m *scheme.Message) []address {
	u, err := url.Parse(m.URL)
	if err != nil || u.Host == "" {
		return nil
	}
	l := &addressList{seen: map[string]bool{m.URL: true}}
	queries := queries(u)
	protocols := nonEmpty(u.Scheme, m.Header.Get("X-Forwarded-Proto"), forwarded(m.Header, "proto"), "https", "http")
	hosts := hosts(u, m.Header)
	paths := paths(u, m.Header)
	// One piece is changed, then those that a proxy changes together.
	for _, path := range paths {
		l.try(u.Scheme, u.Host, path, queries[0])
	}
	for _, query := range queries {
		l.try(u.Scheme, u.Host, paths[0], query)
	}
	for _, path := range paths {
		for _, host := range hosts {
			for _, protocol := range protocols {
				l.try(protocol, host, path, queries[0])
			}
		}
	}
	for _, query := range queries {
		for _, host := range hosts {
			for _, protocol := range protocols {
				l.try(protocol, host, paths[0], query)
			}
		}
	}
	for i := range l.list {
		l.list[i].explain(u, m.Header)
	}
	slices.SortStableFunc(l.list, func(a, b address) int {
		switch {
		case a.shown == b.shown:
			return 0
		case a.shown:
			return -1
		}
		return 1
	})
	return l.list
}

// maxAddresses bounds what many headers make of one address.
const maxAddresses = 200

type addressList struct {
	list []address
	seen map[string]bool
}

func (l *addressList) try(protocol, host, path, query string) {
	raw := protocol + "://" + host + path + query
	if !l.seen[raw] && len(l.list) < maxAddresses {
		l.seen[raw] = true
		l.list = append(l.list, address{url: raw})
	}
}

// explain says what differs, and whether the request names it.
func (a *address) explain(u *url.URL, h http.Header) {
	other, err := url.Parse(a.url)
	if err != nil {
		a.why = ": spelled otherwise"
		return
	}
	var parts []string
	a.shown = true
	differs := func(what, here, there string, named ...string) {
		if here != there {
			parts = append(parts, what)
			a.shown = a.shown && slices.Contains(named, there)
		}
	}
	differs("scheme", u.Scheme, other.Scheme, h.Get("X-Forwarded-Proto"), forwarded(h, "proto"))
	differs("host", u.Hostname(), other.Hostname(), h.Get("X-Forwarded-Host"), h.Get("X-Original-Host"), h.Get("Host"), forwarded(h, "host"))
	differs("port", u.Port(), other.Port(), h.Get("X-Forwarded-Port"), "")
	differs("path", u.EscapedPath(), other.EscapedPath(), append(originalPaths(h), h.Get("X-Forwarded-Prefix")+u.EscapedPath())...)
	differs("query", u.RawQuery, other.RawQuery)
	if len(parts) == 0 {
		parts, a.shown = []string{"spelling"}, false
	}
	a.why = ", not " + safetext.CleanURL(u.String()) + ": another " + strings.Join(parts, " and ")
}

// hosts are those that the request was addressed to on its way, with and
// without their ports.
func hosts(u *url.URL, h http.Header) []string {
	named := nonEmpty(u.Host, h.Get("X-Forwarded-Host"), forwarded(h, "host"), h.Get("X-Original-Host"), h.Get("Host"), h.Get("X-Forwarded-Server"))
	out := slices.Clone(named)
	for _, host := range named {
		name, _, _ := strings.Cut(host, ",")
		one := &url.URL{Host: strings.TrimSpace(name)}
		out = append(out, one.Host, one.Hostname(), strings.ToLower(one.Host))
		for _, port := range nonEmpty(h.Get("X-Forwarded-Port"), u.Port(), "443", "80") {
			out = append(out, one.Hostname()+":"+port)
		}
	}
	return nonEmpty(out...)
}

// paths are the path as it is and as it may have been before a proxy changed it.
func paths(u *url.URL, h http.Header) []string {
	path := u.EscapedPath()
	out := []string{path, strings.TrimSuffix(path, "/"), path + "/"}
	if prefix := h.Get("X-Forwarded-Prefix"); prefix != "" {
		out = append(out, strings.TrimSuffix(prefix, "/")+path)
	}
	out = append(out, originalPaths(h)...)
	out = append(out, u.Path, (&url.URL{Path: u.Path}).EscapedPath(), strings.ReplaceAll(path, "//", "/"))
	for _, prefix := range []string{"/api", "/prod", "/v1", "/dev", "/stage", "/staging", "/default", "/webhooks", "/webhook", "/hooks", "/app", "/.netlify/functions"} {
		out = append(out, prefix+path)
	}
	if _, rest, ok := strings.Cut(strings.TrimPrefix(path, "/"), "/"); ok {
		out = append(out, "/"+rest)
	}
	if path == "/" {
		out[1] = "" // without the slash, and not empty by chance
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(out, func(p string) bool {
		double := seen[p]
		seen[p] = true
		return double || p == "" && path != "/" && path != ""
	})
}

// originalPaths are what proxies note of the path that they were called by.
func originalPaths(h http.Header) []string {
	var out []string
	for _, name := range []string{"X-Original-Uri", "X-Original-Url", "X-Forwarded-Uri", "X-Rewrite-Url", "X-Envoy-Original-Path", "X-Forwarded-Path", "X-Replaced-Path"} {
		if u, err := url.Parse(h.Get(name)); err == nil && u.Path != "" {
			out = append(out, u.EscapedPath())
		}
	}
	return out
}

// queries are the query as it is, sorted, written again, decoded and left out.
func queries(u *url.URL) []string {
	if u.RawQuery == "" {
		return []string{"", "?"}
	}
	out := []string{"?" + u.RawQuery, "?" + u.Query().Encode(), ""}
	pairs := strings.Split(u.RawQuery, "&")
	slices.Sort(pairs)
	out = append(out, "?"+strings.Join(pairs, "&"))
	slices.Reverse(pairs)
	out = append(out, "?"+strings.Join(pairs, "&"))
	pairs = strings.Split(u.RawQuery, "&")
	slices.Reverse(pairs)
	out = append(out, "?"+strings.Join(pairs, "&"))
	if plain, err := url.QueryUnescape(u.RawQuery); err == nil {
		out = append(out, "?"+plain)
	}
	if plain, err := url.PathUnescape(u.RawQuery); err == nil {
		out = append(out, "?"+plain)
	}
	fields := make([]string, 0, len(pairs))
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		for _, p := range percents()[3:4] {
			fields = append(fields, string(p.encode([]byte(name)))+"="+string(p.encode([]byte(value))))
		}
	}
	return append(out, "?"+strings.Join(fields, "&"), "?"+strings.ReplaceAll(u.RawQuery, "+", "%20"), "?"+strings.ReplaceAll(u.RawQuery, "%20", "+"))
}

// forwarded reads a field of the first element of the Forwarded header.
func forwarded(h http.Header, field string) string {
	first, _, _ := strings.Cut(h.Get("Forwarded"), ",")
	for pair := range strings.SplitSeq(first, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, field) {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// nonEmpty drops what is empty or was there before.
func nonEmpty(list ...string) []string {
	var out []string
	for _, s := range list {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
