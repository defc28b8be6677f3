package safetext_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/safetext/safetexttest"
)

func TestEscapeJSON(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"clean", `{"a":"b"}`, `{"a":"b"}`},
		{"indented", "{\n\t\"a\": 1\n}", "{\n\t\"a\": 1\n}"},
		{"carriage-return-outside", "{\r\n}", "{ \n}"},
		{"carriage-return-inside", "{\"a\\\"\r\": 1}\r", "{\"a\\\"\\u000d\": 1} "},
		{"del-and-c1", "\"\x7f\u009b\"", `"\u007f\u009b"`},
		{"bidi", "\"\u202e\"", `"\u202e"`},
		{"tag", "\"\U000e0041\"", `"\udb40\udc41"`},
		{"not-utf8", "\"\xff\"", `"\ufffd"`},
		{"escaped-already", `"\u001b[2J"`, `"\u001b[2J"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := string(safetext.EscapeJSON([]byte(tt.in))); got != tt.want {
				t.Errorf("EscapeJSON(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// FuzzEscapeJSON: JSON stays JSON of the same meaning, and nothing in it acts
// on a terminal.
func FuzzEscapeJSON(f *testing.F) {
	for _, a := range safetexttest.Attacks() {
		quoted, err := json.Marshal(a.Text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(quoted)
		f.Add([]byte(`["` + a.Text + `"]`))
	}
	f.Add([]byte("{\"a\\\\\":\r\n[1, \"\\\"\r\"]}\r"))
	f.Fuzz(func(t *testing.T, in []byte) {
		out := safetext.EscapeJSON(in)
		if bad := safetexttest.Foreign(string(out)); bad != nil {
			t.Errorf("%q became %q: %v", in, out, bad[0])
		}
		if !json.Valid(in) {
			return
		}
		var want, got any
		if err := json.Unmarshal(in, &want); err != nil {
			t.Skip("valid, yet not for Unmarshal")
		}
		if err := json.Unmarshal(out, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q became %q: %v", in, out, err)
		}
	})
}
