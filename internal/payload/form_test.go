package payload_test

import (
	"errors"
	"testing"

	"github.com/hooks-cli/hooks/internal/payload"
)

func TestSetBodyOfAForm(t *testing.T) {
	t.Parallel()
	const form, kind = "From=%2B1&CallStatus=ringing&x+y=a%20b&e", "application/x-www-form-urlencoded; charset=utf-8"
	for _, tc := range []struct {
		edit   string
		create bool
		want   string
	}{
		{"CallStatus=no answer&", false, "From=%2B1&CallStatus=no+answer%26&x+y=a%20b&e"},
		{`["x y"]=1`, false, "From=%2B1&CallStatus=ringing&x+y=1&e"},
		{"e=f", false, "From=%2B1&CallStatus=ringing&x+y=a%20b&e=f"},
		{"New=é", true, form + "&New=%C3%A9"},
	} {
		e, err := payload.ParseEdit(tc.edit, tc.create)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := payload.SetBody(kind, []byte(form), e); err != nil || string(got) != tc.want {
			t.Errorf("%s: %s, %v, want %s", tc.edit, got, err, tc.want)
		}
	}
	for edit, body := range map[string]string{"CallStaus=x": form, "a.b=1": form, "a:=1": form, "a=1": "a=1&%61=2"} {
		e, err := payload.ParseEdit(edit, false)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := payload.SetBody(kind, []byte(body), e); err == nil {
			t.Errorf("%s: %s", edit, got)
		}
	}
	e := payload.Edit{Path: payload.MustPath("CallStaus"), Value: "x"}
	var at *payload.PathError
	if _, err := payload.SetBody(kind, []byte(form), e); !errors.As(err, &at) || at.Nearest != "CallStatus" {
		t.Errorf("SetBody: %v", err)
	}
	if got, err := payload.SetBody("application/json", []byte(`{"a":1}`), payload.Edit{Path: payload.MustPath("a"), Value: "2"}); err != nil || string(got) != `{"a":2}` {
		t.Errorf("of JSON: %s, %v", got, err)
	}
}
