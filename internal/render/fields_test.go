package render_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/difference"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext/safetexttest"
	"github.com/hooks-cli/hooks/internal/term"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A field is a place in a value where text from the network can stand.
type field struct {
	name string
	set  func(text string)
}

// fields finds all such places in what v points to, by reflection: a field
// that is added to the record is tested from that day on.
func fields(name string, v reflect.Value) []field {
	var found []field
	switch v.Kind() {
	case reflect.Pointer:
		found = fields(name, v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return nil
		}
		for i := range v.NumField() {
			found = append(found, fields(name+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
	case reflect.String:
		found = append(found, field{name, v.SetString})
	case reflect.Map:
		h := v.Addr().Interface().(*http.Header)
		if *h == nil {
			*h = http.Header{}
		}
		found = append(found,
			field{name + " name", func(s string) { (*h)[s] = []string{"value"} }},
			field{name + " value", func(s string) { (*h)["X-Custom"] = []string{"a", s} }},
			field{name + " credential", func(s string) { (*h)["Authorization"] = []string{"Bearer " + s, s + " x"} }},
			field{name + " encoding", func(s string) { (*h)["Content-Encoding"] = []string{s} }},
			field{name + " type", func(s string) { (*h)["Content-Type"] = []string{s} }})
	case reflect.Slice:
		if b, ok := v.Addr().Interface().(*[]byte); ok {
			return append(found,
				field{name + " text", func(s string) { *b = []byte("text " + s + " more text, so that it is not taken for something else") }},
				field{name + " alone", func(s string) { *b = []byte(s) }},
				field{name + " JSON string", func(s string) { *b = []byte(`{"a":["` + s + `",{"b":"` + s + `"}]}`) }},
				field{name + " JSON key", func(s string) { *b = []byte(`{"` + s + `":1}`) }},
				field{name + " JSON literal", func(s string) { *b = []byte(`{"a":` + s + `}`) }},
				field{name + " form", func(s string) { *b = []byte(s + "=" + s + "&a=%1b%5B2J%0a&%9b=b") }})
		}
		for i := range v.Len() {
			found = append(found, fields(fmt.Sprintf("%s[%d]", name, i), v.Index(i))...)
		}
	}
	return found
}

// forms is every way in which a delivery is told.
func forms(v render.View, d *webhook.Delivery) map[string]string {
	out := map[string]string{
		"Line":         v.Line(d),
		"Full":         v.Full(d, render.FullOptions{Attempts: true, Signed: func(string) bool { return false }}),
		"Deliveries":   v.Deliveries([]*webhook.Delivery{d}, func(int) string { return d.EventType }),
		"Attempts":     v.Attempts(d.Attempts),
		"Attempt":      v.Attempt(&d.Attempts[0]),
		"Verification": v.Verification(d.Verification),
		"Glyph":        v.Glyph(d.Verification.Status),
		"Heading":      v.Heading(d.Provider),
		"Response":     v.Response(d.Attempts[0].Response),
		"Text":         v.Text(d.Body, d.ID),
		"Hex":          v.Hex(d.Body, ""),
		"Diff":         v.Diff(difference.Compare(d, verified(), difference.Options{})),
	}
	v.Credentials = true
	out["Headers with credentials"] = v.Headers(d.Header, nil)
	d.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	out["form"] = v.Body(d.Header, d.Body, "")
	return out
}

// TestNoForeignBytes: no field, loaded with any sequence, printed in any form,
// lets a byte through that a terminal acts on.
func TestNoForeignBytes(t *testing.T) {
	t.Parallel()
	views := []render.View{{Now: now}, {Now: now, Width: 60, Palette: term.NewPalette(true)}}
	load := func() *webhook.Delivery {
		d := verified()
		d.Redacted = []string{"Authorization"}
		d.DuplicateOf = "dlv_2"
		d.Attempts[0].Err = "some error"
		return d
	}
	names := fields("Delivery", reflect.ValueOf(load()))
	if len(names) < 40 {
		t.Errorf("only %d fields are tested", len(names))
	}
	combinations := 0
	for i, f := range names {
		for _, a := range safetexttest.Attacks() {
			for _, v := range views {
				d := load()
				fields("Delivery", reflect.ValueOf(d))[i].set(a.Text)
				for form, out := range forms(v, d) {
					combinations++
					if bad := safetexttest.Foreign(out, term.SGR()...); bad != nil {
						t.Errorf("%s in %s, as %s at width %d: %v", a.Name, f.name, form, v.Width, bad[0])
					}
				}
			}
		}
	}
	t.Logf("%d fields, %d combinations", len(names), combinations)
}

// TestNoCredentials: nothing that carries a credential is told in any form,
// unless the View says so.
func TestNoCredentials(t *testing.T) {
	t.Parallel()
	const canary = "c4n4ry"
	d := verified()
	d.URL = "http://me:" + canary + "@127.0.0.1:3000/x?token=" + canary
	d.Header = http.Header{"Authorization": {"Bearer " + canary, canary}, "Cookie": {"a=" + canary}, "X-Gitlab-Token": {canary}}
	d.Attempts[0].URL = d.URL
	d.Attempts[0].Response.Header = http.Header{"Set-Cookie": {canary}}
	for form, out := range forms(render.View{Now: now}, d) {
		if strings.Contains(out, canary) != (form == "Headers with credentials") {
			t.Errorf("%s:\n%s", form, out)
		}
	}
}
