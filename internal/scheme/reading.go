package scheme

import (
	"net/url"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// maxParts is how many named elements a signature's header may have.
const maxParts = 4

// A reading is one message as the templates of a scheme see it. What costs
// time, such as parsing the body, is done when it is first asked for.
type reading struct {
	s   *Scheme
	m   *Message
	key *Key

	timestamp string
	at        time.Time // what timestamp says
	id        string
	nonce     string // of what is being signed
	parts     [maxParts]string
	variables [3]string // of {signature}, {name} and {value}

	matches    []payload.Match // of s.paths
	item       []byte
	items      []payload.Match // of s.itemPaths in item
	claims     []byte
	asked      [3]bool // for matches, query, form
	queryList  fields
	formList   fields
	incomplete bool // a place held nothing
	more       bool // item, claims, parts or variables were set
}

// reset forgets the message. It is written so that a reading of little more
// than a header costs little.
func (r *reading) reset() {
	if r.more || r.asked != [3]bool{} {
		*r = reading{}
		return
	}
	r.s, r.m, r.key = nil, nil, nil
	r.timestamp, r.id = "", ""
	r.incomplete = false
}

// stamp takes the timestamp.
func (r *reading) stamp(u unit, text string) webhook.Reason {
	var ok bool
	r.timestamp = text
	if r.at, ok = u.parse(text); !ok {
		return webhook.TimestampMalformed
	}
	return ""
}

func (r *reading) header(name string) []string {
	if values, ok := r.m.Header[name]; ok {
		return values
	}
	if name == "Host" {
		if host := r.urlPiece("host"); host != "" {
			return []string{host}
		}
	}
	return nil
}

func (r *reading) match(i int) payload.Match {
	if !r.asked[0] {
		r.asked[0] = true
		r.matches, _ = payload.Find(r.m.Body, r.s.paths.paths...)
	}
	if i >= len(r.matches) {
		return payload.Match{}
	}
	return r.matches[i]
}

func (r *reading) itemMatch(i int) payload.Match {
	if i >= len(r.items) {
		return payload.Match{}
	}
	return r.items[i]
}

// enter makes item what @ stands for.
func (r *reading) enter(item []byte) {
	r.item, r.more = item, true
	r.items, _ = payload.Find(item, r.s.itemPaths.paths...)
}

// ambiguous says whether anything that was read from the body depends on the
// parser.
func (r *reading) ambiguous() bool {
	for _, m := range r.matches {
		if m.Ambiguous {
			return true
		}
	}
	for _, m := range r.items {
		if m.Ambiguous {
			return true
		}
	}
	return false
}

func (r *reading) query() fields {
	if !r.asked[1] {
		r.asked[1] = true
		r.queryList = parseFields(r.urlPiece("query"))
	}
	return r.queryList
}

// maxForm is how large a body may be to be read as a form: more than an event
// of 1 MiB takes. No provider sends a larger one, and anybody can.
const maxForm = 2 << 20

func (r *reading) form() fields {
	if !r.asked[2] {
		r.asked[2] = true
		if len(r.m.Body) <= maxForm {
			r.formList = parseFields(string(r.m.Body))
		}
	}
	return r.formList
}

// withoutSignature drops the fields in which the signature itself stands.
func (r *reading) withoutSignature(source string, fs fields) fields {
	if r.s == nil {
		return fs
	}
	for _, l := range r.s.at {
		switch {
		case l.kind == locQuery && source == "query", l.kind == locForm && source == "form":
			fs = fs.without(l.name)
		case l.kind == locBody && source == "json" && l.path.Len() == 1:
			fs = fs.without(strings.TrimPrefix(l.path.String(), "$."))
		}
	}
	return fs
}

func (r *reading) claim(name string) (string, bool) {
	if r.claims == nil {
		return "", false
	}
	m := find(r.claims, payload.Path{}.Key(name))
	if m.Ambiguous || len(m.Values) == 0 {
		return "", false
	}
	return m.Value().Text(), true
}

// urlPiece cuts a piece out of the URL without changing how it is spelled.
func (r *reading) urlPiece(piece string) string {
	raw := r.m.URL
	if piece == "url" {
		return raw
	}
	base, query, hasQuery := strings.Cut(strings.SplitN(raw, "#", 2)[0], "?")
	switch piece {
	case "url-base":
		return base
	case "query":
		return query
	}
	scheme, rest, full := strings.Cut(base, "://")
	if !full {
		scheme, rest = "", base
	}
	host, path := rest, "/"
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		host, path = rest[:i], rest[i:]
	}
	switch piece {
	case "scheme":
		return scheme
	case "host":
		if u, err := url.Parse(base); err == nil {
			return u.Host
		}
		return host
	case "origin":
		if full {
			return scheme + "://" + host
		}
		return ""
	case "path-query":
		if hasQuery {
			return path + "?" + query
		}
	}
	return path
}
