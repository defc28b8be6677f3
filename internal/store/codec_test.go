package store

import (
	"net/http"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// FuzzDelivery: whatever decodes is what its encoding decodes to, and whatever
// does not leaves nothing behind. The bytes are sealed, as if they had been
// written so.
func FuzzDelivery(f *testing.F) {
	dict := newDictionary()
	id := make([]byte, 16)
	for _, d := range []*webhook.Delivery{
		{},
		{
			Direction: webhook.Received, EventID: "evt_1", ReceivedAt: time.Unix(1_700_000_000, 1000), Method: "POST",
			URL: "http://a/p?q=1", Path: "/p", Query: "q=1", Redacted: []string{"Cookie"},
			Header:       http.Header{"Content-Type": {"a", "b"}, "X-Own": {""}},
			Verification: webhook.Verification{Status: webhook.Invalid, Reason: webhook.SignatureMismatch},
		},
		{ReceivedAt: time.Date(-1000, 1, 1, 0, 0, 0, 0, time.UTC), URL: "/p", Path: "/p"},
	} {
		b := encodeDelivery(dict, d, id)
		f.Add(b[:len(b)-4])
	}
	f.Add([]byte{recordVersion, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, in []byte) {
		sealed := (&recordWriter{b: slices.Clone(in)}).sealed(id)
		d, err := decodeDelivery(dict, sealed, id)
		if err != nil {
			if d != nil {
				t.Errorf("decodeDelivery(%x) = %+v with %v", in, d, err)
			}
			return
		}
		again, err := decodeDelivery(dict, encodeDelivery(dict, d, id), id)
		if err != nil || !reflect.DeepEqual(again, d) {
			t.Errorf("decodes to\n%+v, and that to\n%+v, %v", d, again, err)
		}
		if d, err := decodeDelivery(dict, sealed, append([]byte{1}, id[1:]...)); err == nil {
			t.Errorf("decodes under another id: %+v", d)
		}
	})
}

// FuzzAttempt is FuzzDelivery for attempts.
func FuzzAttempt(f *testing.F) {
	dict := newDictionary()
	for _, a := range []webhook.Attempt{
		{URL: "http://a/", Err: "refused"},
		{At: time.Unix(1, 2), Duration: time.Second, Response: &webhook.Response{Status: 200, Header: http.Header{"Server": {"x"}}}},
	} {
		f.Add(encodeAttempt(dict, &a).b, []byte("body"))
	}
	f.Fuzz(func(t *testing.T, in, body []byte) {
		a, err := decodeAttempt(dict, 3, (&recordWriter{b: slices.Clone(in)}).sealed(body, numberBytes(3)), body)
		if err != nil {
			return
		}
		var same []byte
		if a.Response != nil {
			same = body
		}
		again, err := decodeAttempt(dict, 3, encodeAttempt(dict, &a).sealed(same, numberBytes(3)), same)
		if err != nil || !reflect.DeepEqual(again, a) {
			t.Errorf("decodes to\n%+v, and that to\n%+v, %v", a, again, err)
		}
	})
}

// FuzzWalkJSON: any body can be walked, and every path leads somewhere.
func FuzzWalkJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,{"b":null}],"":true}`, `[[[[`, `{"a":`, `"x"`, `{"a" 1}`, "\xff", `{"a":"\ud800"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		visited := 0
		walkJSON(body, func(path []step, _ string) bool {
			if visited++; visited > len(body) {
				t.Fatalf("%d visits of %d bytes", visited, len(body))
			}
			if len(path) > 0 && pathText(path) == "" {
				t.Errorf("no text for %v", path)
			}
			return true
		})
	})
}
