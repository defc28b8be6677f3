package safetext_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const canary = "whsec_c4n4ry"
	s := safetext.NewSecret(canary)
	holder := struct {
		Name   string
		Secret safetext.Secret
		Ptr    *safetext.Secret
	}{"p", s, &s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T %[1]v"} {
		fmt.Fprintf(&out, verb+"\n", s)
		fmt.Fprintf(&out, verb+"\n", holder)
		fmt.Fprintf(&out, verb+"\n", &holder)
		fmt.Fprintf(&out, verb+"\n", fmt.Errorf("wrap: %v", s))
	}
	for _, v := range []any{s, holder, map[string]any{"k": s}, map[safetext.Secret]int{s: 1}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Errorf("Marshal: %v", err)
		}
		out.Write(b)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "holder", holder)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s, "holder", holder)
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), "c4n4ry"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q is in the output:\n%s", form, out.String())
		}
	}
	if s.Reveal() != canary || s.Empty() || !(safetext.Secret{}).Empty() {
		t.Error("the secret itself is lost")
	}
}
