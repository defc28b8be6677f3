package difference_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/difference"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func delivery(body string) *webhook.Delivery {
	return &webhook.Delivery{
		Method: "POST", Path: "/webhooks", Provider: "canvelete", EventType: "render.completed",
		Header: http.Header{"Content-Type": {"application/json"}, "X-Same": {"a"}, "X-Old": {"1"}, "X-Sig": {"a"}}, Body: []byte(body),
		Verification: webhook.Verification{Status: webhook.Verified},
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	a := delivery(`{"id":"evt_1","n":1.0,"list":[1,2,{"x":null}],"gone":true,"a.b":{"c":1},"type":"x"}`)
	b := delivery(`{"id":"evt_2","n":1,"list":[1,3,{"x":false},4],"a.b":{"c":2},"type":["x"],"new":{}}`)
	b.Path, b.Query, b.EventType = "/hooks", "x=1", ""
	b.Header = http.Header{"Content-Type": {"application/json"}, "X-Same": {"a"}, "X-New": {"2"}, "X-Sig": {"a", "b"}}
	b.Verification = webhook.Verification{Status: webhook.Invalid, Reason: webhook.SignatureMismatch}
	want := []difference.Change{
		{"path", difference.Changed, "/webhooks", "/hooks"},
		{"query", difference.Added, "", "x=1"},
		{"event_type", difference.Removed, "render.completed", ""},
		{"verification", difference.Changed, "verified", "invalid signature_mismatch"},
		{"header X-New", difference.Added, "", "2"},
		{"header X-Old", difference.Removed, "1", ""},
		{"header X-Sig", difference.Changed, "a", "a, b"},
		{`body ["a.b"].c`, difference.Changed, "1", "2"},
		{"body gone", difference.Removed, "true", ""},
		{"body id", difference.Changed, `"evt_1"`, `"evt_2"`},
		{"body list[1]", difference.Changed, "2", "3"},
		{"body list[2].x", difference.Changed, "null", "false"},
		{"body list[3]", difference.Added, "", "4"},
		{"body n", difference.Changed, "1.0", "1"},
		{"body new", difference.Added, "", "{}"},
		{"body type", difference.Changed, `"x"`, `["x"]`},
	}
	if got := difference.Compare(a, b, difference.Options{}); !reflect.DeepEqual(got.Changes, want) || got.Same() || got.SameJSON {
		t.Errorf("Compare = %+v, want %+v", got, want)
	}
}

func TestCompareBodies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, a, b string
		changes    int
		sameJSON   bool
		first      string
	}{
		{"same", `{"a":1}`, `{"a":1}`, 0, false, ""},
		{"white-space", `{"a":1}`, `{"a": 1}`, 0, true, ""},
		{"order", `{"a":1,"b":2}`, `{"b":2,"a":1}`, 0, true, ""},
		{"escapes", `{"a":"é"}`, `{"a":"\u00e9"}`, 0, true, ""},
		{"list", `[1]`, `[2]`, 1, false, "body [0]"},
		{"whole", `1`, `"1"`, 1, false, "body"},
		{"text", `hello world`, `hello you`, 1, false, "body"},
		{"one-is-text", `{"a":1}`, `{"a":1`, 1, false, "body"},
		{"two-values", `{"a":1}`, `{"a":1} 2`, 1, false, "body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := difference.Compare(delivery(tt.a), delivery(tt.b), difference.Options{})
			if len(r.Changes) != tt.changes || r.SameJSON != tt.sameJSON || r.Same() != (tt.a == tt.b) {
				t.Fatalf("Compare(%s, %s) = %+v", tt.a, tt.b, r)
			}
			if tt.changes > 0 && r.Changes[0].Where != tt.first {
				t.Errorf("Where = %q, want %q", r.Changes[0].Where, tt.first)
			}
		})
	}
	text := difference.Compare(delivery("hello world"), delivery("hello you"), difference.Options{}).Changes[0]
	if text.Old != `11 bytes, other from byte 6 on: "world"` || text.New != `9 bytes, other from byte 6 on: "you"` {
		t.Errorf("texts differ as %+v", text)
	}
}

func TestCredentialsAreMasked(t *testing.T) {
	t.Parallel()
	a, b := delivery("{}"), delivery("{}")
	a.Header.Set("Authorization", "Bearer c4n4ry")
	b.Header.Set("Authorization", "Bearer other")
	b.Header.Set("X-Api-Key", "c4n4ry")
	want := []difference.Change{
		{"header Authorization", difference.Changed, "Bearer " + safetext.Masked, "Bearer " + safetext.Masked},
		{"header X-Api-Key", difference.Added, "", safetext.Masked},
	}
	if got := difference.Compare(a, b, difference.Options{}); !reflect.DeepEqual(got.Changes, want) {
		t.Errorf("Compare = %+v, want %+v", got.Changes, want)
	}
	if got := difference.Compare(a, b, difference.Options{Credentials: true}); got.Changes[0].Old != "Bearer c4n4ry" {
		t.Errorf("Compare with credentials = %+v", got.Changes)
	}
}

func TestCompareIsBounded(t *testing.T) {
	t.Parallel()
	list := func(s string) string { return "[" + strings.Repeat(s+",", 2999) + s + "]" }
	r := difference.Compare(delivery(list("1")), delivery(list("2")), difference.Options{})
	if len(r.Changes) != 1000 || r.More != 2000 {
		t.Errorf("%d changes and %d more", len(r.Changes), r.More)
	}
	deep := strings.Repeat("[", 5000) + "%" + strings.Repeat("]", 5000)
	r = difference.Compare(delivery(strings.Replace(deep, "%", "1", 1)), delivery(strings.Replace(deep, "%", "2", 1)), difference.Options{})
	if len(r.Changes) != 1 || !strings.Contains(r.Changes[0].New, "[2]") {
		t.Errorf("deep values: %d changes", len(r.Changes))
	}
}
