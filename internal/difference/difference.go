// Package difference finds what differs between two deliveries: request line,
// headers, verdict, and the payload value by value where both bodies are JSON.
// It returns data and prints nothing.
package difference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/inflate"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Kind is what happened to a value from the first delivery to the second.
type Kind string

// The kinds of changes.
const (
	Added   Kind = "added"
	Removed Kind = "removed"
	Changed Kind = "changed"
)

// A Change is one value that differs. Where is a field of the delivery
// ("method"), a header ("header X-Signature") or a path in the payload
// ("body data.items[0].sku"); the values are texts, of the payload as JSON.
type Change struct {
	Where string `json:"where"`
	Kind  Kind   `json:"kind"`
	Old   string `json:"old,omitempty"`
	New   string `json:"new,omitempty"`
}

// A Report is what differs between two deliveries, fields first, then headers
// by name, then the body by path.
type Report struct {
	Changes []Change `json:"changes"`

	// More counts the changes beyond those listed.
	More int `json:"more,omitempty"`

	// SameJSON says that the bodies mean the same JSON and yet are not the same
	// bytes, so that a signature of one is not valid for the other.
	SameJSON bool `json:"same_json_other_bytes,omitempty"`
}

// Same says whether nothing differs.
func (r *Report) Same() bool { return len(r.Changes) == 0 && !r.SameJSON }

const (
	// maxChanges is how many changes are listed, maxBody and maxDepth how large
	// and deep a body is compared value by value.
	maxChanges = 1000
	maxBody    = 4 << 20
	maxDepth   = 64 // deeper values are compared as a whole
)

// Options say how two deliveries are compared.
type Options struct {
	Credentials bool // headers that carry a credential are told with their values
}

// Compare tells how b differs from a. Ids, times and addresses of the two are
// not compared: they always differ.
func Compare(a, b *webhook.Delivery, o Options) Report {
	r := Report{Changes: []Change{}}
	r.text("method", a.Method, b.Method)
	r.text("path", a.Path, b.Path)
	r.text("query", a.Query, b.Query)
	r.text("provider", a.Provider, b.Provider)
	r.text("event_type", a.EventType, b.EventType)
	r.text("verification", verdict(a.Verification), verdict(b.Verification))
	r.headers(a.Header, b.Header, o.Credentials)
	r.bodies(a, b)
	return r
}

func verdict(v webhook.Verification) string {
	if v.Reason == "" {
		return string(v.Status)
	}
	return string(v.Status) + " " + string(v.Reason)
}

func (r *Report) add(c Change) {
	if len(r.Changes) == maxChanges {
		r.More++
		return
	}
	r.Changes = append(r.Changes, c)
}

func (r *Report) text(where, old, now string) {
	switch {
	case old == now:
	case old == "":
		r.add(Change{where, Added, "", now})
	case now == "":
		r.add(Change{where, Removed, old, ""})
	default:
		r.add(Change{where, Changed, old, now})
	}
}

// names returns the keys that a or b has, sorted.
func names[V any](a, b map[string]V) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *Report) headers(a, b http.Header, credentials bool) {
	for _, name := range names(a, b) {
		old, had := a[name]
		now, has := b[name]
		c := Change{"header " + name, Changed, strings.Join(old, ", "), strings.Join(now, ", ")}
		switch {
		case slices.Equal(old, now):
			continue
		case !had:
			c.Kind = Added
		case !has:
			c.Kind = Removed
		}
		if !credentials && safetext.Sensitive(name) {
			c.Old, c.New = mask(c.Old), mask(c.New)
		}
		r.add(c)
	}
}

func mask(value string) string {
	if value == "" {
		return ""
	}
	return safetext.MaskValue(value)
}

func (r *Report) bodies(a, b *webhook.Delivery) {
	if bytes.Equal(a.Body, b.Body) {
		return
	}
	old, ok1 := decode(a)
	now, ok2 := decode(b)
	if !ok1 || !ok2 {
		r.add(Change{"body", Changed, describe(a.Body, b.Body), describe(b.Body, a.Body)})
		return
	}
	before := len(r.Changes) + r.More
	r.values("body", old, now, maxDepth)
	r.SameJSON = before == len(r.Changes)+r.More
}

// describe says how long body is and where it begins to differ from other.
func describe(body, other []byte) string {
	at := 0
	for at < len(body) && at < len(other) && body[at] == other[at] {
		at++
	}
	return fmt.Sprintf("%d bytes, other from byte %d on: %q", len(body), at, body[at:min(len(body), at+32)])
}

// decode reads a JSON body, keeping the digits of numbers.
func decode(d *webhook.Delivery) (any, bool) {
	if len(d.Body) > maxBody {
		return nil, false
	}
	body, _, err := inflate.Body(d.Header, d.Body)
	if err != nil {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil || dec.More() {
		return nil, false
	}
	return v, true
}

// values compares two JSON values, depth levels of them one by one.
func (r *Report) values(where string, old, now any, depth int) {
	switch was := old.(type) {
	case map[string]any:
		if is, ok := now.(map[string]any); ok && depth > 0 {
			r.objects(where, was, is, depth-1)
			return
		}
	case []any:
		if is, ok := now.([]any); ok && depth > 0 {
			r.lists(where, was, is, depth-1)
			return
		}
	}
	if before, after := spell(old), spell(now); before != after {
		r.add(Change{where, Changed, before, after})
	}
}

func (r *Report) objects(where string, old, now map[string]any, depth int) {
	for _, name := range names(old, now) {
		was, had := old[name]
		is, has := now[name]
		at := member(where, name)
		switch {
		case !had:
			r.add(Change{at, Added, "", spell(is)})
		case !has:
			r.add(Change{at, Removed, spell(was), ""})
		default:
			r.values(at, was, is, depth)
		}
	}
}

func (r *Report) lists(where string, old, now []any, depth int) {
	for i := range max(len(old), len(now)) {
		at := where + "[" + strconv.Itoa(i) + "]"
		if where == "body" {
			at = "body [" + strconv.Itoa(i) + "]"
		}
		switch {
		case i >= len(old):
			r.add(Change{at, Added, "", spell(now[i])})
		case i >= len(now):
			r.add(Change{at, Removed, spell(old[i]), ""})
		default:
			r.values(at, old[i], now[i], depth)
		}
	}
}

// member is the path of a member of an object, as paths are typed elsewhere.
func member(where, name string) string {
	quoted := name == "" || strings.ContainsAny(name, `.[]"' `)
	switch {
	case quoted && where == "body":
		return "body [" + strconv.Quote(name) + "]"
	case quoted:
		return where + "[" + strconv.Quote(name) + "]"
	case where == "body":
		return "body " + name
	}
	return where + "." + name
}

// spell writes a value as JSON.
func spell(v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
