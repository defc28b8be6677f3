package replay_test

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/replay"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func now() time.Time { return time.Unix(1_700_000_000, 0).UTC() }

func parse(t *testing.T, raw string) *url.URL {
	t.Helper()
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func captured() *webhook.Delivery {
	return &webhook.Delivery{
		ID: "dlv_1", Direction: webhook.Received, Method: "POST", ReceivedAt: now(),
		URL: "http://127.0.0.1:3000/hooks/a%2Fb?x=1", Path: "/hooks/a%2Fb", Query: "x=1",
		Header: http.Header{
			"Host": {"127.0.0.1:3000"}, "Content-Length": {"9"}, "Connection": {"close, X-Hop"}, "X-Hop": {"1"}, "X-Sig": {"abc"},
			"Authorization": {"Bearer t"}, "Cookie": {"s=1"}, "X-Api-Key": {"k"}, "X-Forwarded-For": {"1.2.3.4"},
		},
		Body: []byte(`{"a": 1 }`),
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	forwarded := func(d *webhook.Delivery) { d.Attempts = []webhook.Attempt{{URL: "http://127.0.0.1:4000/app?y=2"}} }
	tests := map[string]struct {
		change   func(*webhook.Delivery)
		to, or   string
		want     string
		target   string
		recorded bool
	}{
		"nowhere-recorded":      {or: "http://127.0.0.1:3000", want: "http://127.0.0.1:3000/hooks/a%2Fb?x=1", target: "/hooks/a%2Fb?x=1"},
		"configured-with-path":  {or: "http://127.0.0.1:3000/in", want: "http://127.0.0.1:3000/in?x=1", target: "/in?x=1"},
		"forwarded":             {change: forwarded, or: "http://127.0.0.1:3000", want: "http://127.0.0.1:4000/app?y=2", target: "/app?y=2", recorded: true},
		"to-keeps-the-path":     {change: forwarded, to: "http://127.0.0.1:5000", want: "http://127.0.0.1:5000/hooks/a%2Fb?x=1", target: "/hooks/a%2Fb?x=1"},
		"to-replaces-the-path":  {to: "http://127.0.0.1:5000/other", want: "http://127.0.0.1:5000/other?x=1", target: "/other?x=1"},
		"to-replaces-the-query": {to: "http://127.0.0.1:5000/?z=3", want: "http://127.0.0.1:5000/?z=3", target: "/?z=3"},
		"sent-before": {
			change: func(d *webhook.Delivery) { d.Direction, d.URL = webhook.Sent, "https://app.example/in" },
			want:   "https://app.example/in", target: "/in", recorded: true,
		},
		"imported": {
			change: func(d *webhook.Delivery) { forwarded(d); d.RemoteAddr = replay.ImportedAddr },
			or:     "http://127.0.0.1:3000", want: "http://127.0.0.1:3000/hooks/a%2Fb?x=1", target: "/hooks/a%2Fb?x=1",
		},
		"odd-bytes-stay": {
			change: func(d *webhook.Delivery) { d.Path, d.Query = "/a|b%zz", `q="1"` },
			or:     "http://127.0.0.1:3000", want: "http://127.0.0.1:3000", target: `/a|b%zz?q="1"`,
		},
		"no-path": {change: func(d *webhook.Delivery) { d.Path, d.Query = "", "" }, or: "http://127.0.0.1:3000", want: "http://127.0.0.1:3000/", target: "/"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := captured()
			if tt.change != nil {
				tt.change(d)
			}
			item, err := replay.Prepare(d, replay.Options{To: parse(t, tt.to), Else: parse(t, tt.or)}, now())
			if err != nil {
				t.Fatal(err)
			}
			if item.Request.URL != tt.want || item.Request.Target != tt.target || item.Recorded != tt.recorded {
				t.Errorf("URL %q, target %q, recorded %v; want %q, %q, %v",
					item.Request.URL, item.Request.Target, item.Recorded, tt.want, tt.target, tt.recorded)
			}
		})
	}
}

func TestHeadersOnTheirWay(t *testing.T) {
	t.Parallel()
	all := []string{"Authorization", "Cookie", "X-Api-Key", "X-Forwarded-For", "X-Sig"}
	tests := map[string]struct {
		to      string
		kept    []string
		dropped []string
	}{
		"this-machine":  {"http://localhost:4000", all, nil},
		"where-it-came": {"http://127.0.0.1:3000", all, nil},
		"another-host":  {"https://app.example/in", []string{"X-Forwarded-For", "X-Sig"}, []string{"Authorization", "Cookie", "X-Api-Key"}},
		"almost-local":  {"http://127.0.0.1.nip.example", []string{"X-Forwarded-For", "X-Sig"}, []string{"Authorization", "Cookie", "X-Api-Key"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := captured()
			item, err := replay.Prepare(d, replay.Options{To: parse(t, tt.to)}, now())
			if err != nil {
				t.Fatal(err)
			}
			var kept []string
			for name := range item.Request.Header {
				kept = append(kept, name)
			}
			slices.Sort(kept)
			if !slices.Equal(kept, tt.kept) || !slices.Equal(item.Dropped, tt.dropped) {
				t.Errorf("kept %v, dropped %v; want %v, %v", kept, item.Dropped, tt.kept, tt.dropped)
			}
			if string(item.Request.Body) != `{"a": 1 }` || !reflect.DeepEqual(d, captured()) {
				t.Errorf("body %s; the stored delivery is now %+v", item.Request.Body, d)
			}
		})
	}
}

// TestSameForeignHostKeepsCredentials: they have been there before.
func TestSameForeignHostKeepsCredentials(t *testing.T) {
	t.Parallel()
	d := captured()
	d.Attempts = []webhook.Attempt{{URL: "https://app.example/in"}}
	item, err := replay.Prepare(d, replay.Options{}, now())
	if err != nil || item.Request.Header.Get("Authorization") == "" || item.Local || item.Host != "app.example" {
		t.Errorf("err %v, item %+v", err, item)
	}
}

// TestImportedHostIsALabel: a file that claims to come from a host gets no
// credentials sent there.
func TestImportedHostIsALabel(t *testing.T) {
	t.Parallel()
	d := captured()
	d.RemoteAddr, d.Header["Host"] = replay.ImportedAddr, []string{"evil.example"}
	item, err := replay.Prepare(d, replay.Options{To: parse(t, "https://evil.example/")}, now())
	if err != nil || item.Request.Header.Get("Authorization") != "" {
		t.Errorf("err %v, headers %v", err, item.Request.Header)
	}
}

func stamped(t *testing.T) *scheme.Scheme {
	t.Helper()
	s, err := scheme.Compile(scheme.Spec{
		Algorithm: "hmac-sha256", Content: []string{"{timestamp}.{body}"},
		Signature: scheme.Signature{In: []string{"header:X-Sig"}}, Timestamp: scheme.Timestamp{In: "header:X-Time"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTolerance(t *testing.T) {
	t.Parallel()
	s := stamped(t)
	key, err := s.Key(safetext.NewSecret("secret"))
	if err != nil {
		t.Fatal(err)
	}
	d := captured()
	m := scheme.Message{Method: "POST", URL: d.URL, Header: d.Header, Body: d.Body}
	if err := s.Sign(&m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now()}); err != nil {
		t.Fatal(err)
	}
	o := replay.Options{To: parse(t, "http://127.0.0.1:1"), Schemes: func(*webhook.Delivery) []*scheme.Scheme { return []*scheme.Scheme{s} }}
	for age, refused := range map[time.Duration]bool{0: false, 300 * time.Second: false, 301 * time.Second: true, -time.Hour: false} {
		_, err := replay.Prepare(d, o, now().Add(age))
		var old *replay.TooOldError
		if errors.As(err, &old) != refused || err != nil && !refused {
			t.Errorf("after %v: %v", age, err)
		}
		if refused && (old.Age != age || old.Tolerance != 5*time.Minute || !strings.Contains(err.Error(), "5m")) {
			t.Errorf("after %v: %v", age, err)
		}
	}
	o.AsIs = true
	if _, err := replay.Prepare(d, o, now().Add(time.Hour)); err != nil {
		t.Errorf("as it is: %v", err)
	}
}

func TestRedactedIsRefused(t *testing.T) {
	t.Parallel()
	d := captured()
	d.Redacted = []string{"Authorization", "$.card"}
	_, err := replay.Prepare(d, replay.Options{To: parse(t, "http://127.0.0.1:1"), AsIs: true}, now())
	var redacted *replay.RedactedError
	if !errors.As(err, &redacted) || !strings.Contains(err.Error(), "$.card") {
		t.Errorf("err = %v", err)
	}
}

func TestEditsAndHeaders(t *testing.T) {
	t.Parallel()
	edit, err := payload.ParseEdit("a=2", false)
	if err != nil {
		t.Fatal(err)
	}
	o := replay.Options{
		To: parse(t, "http://127.0.0.1:1"), Edits: []payload.Edit{edit}, AsIs: true,
		Header: http.Header{"Cookie": nil, "X-New": {"1"}},
	}
	item, err := replay.Prepare(captured(), o, now())
	if err != nil || string(item.Request.Body) != `{"a": 2 }` || item.Request.Header["Cookie"] != nil || item.Request.Header.Get("X-New") != "1" {
		t.Errorf("err %v, body %s, headers %v", err, item.Request.Body, item.Request.Header)
	}
	o.Edits[0].Path = payload.MustPath("nope")
	var missing *payload.PathError
	if _, err := replay.Prepare(captured(), o, now()); !errors.As(err, &missing) {
		t.Errorf("err = %v, want that there is no such field", err)
	}
}
