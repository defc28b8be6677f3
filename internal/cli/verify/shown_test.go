package verify

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme/vectortest"
)

// TestNothingIsShown explains cases of everything that goes wrong, and looks in
// all that comes of it for the secrets, however they are written, and for the
// signature that should have come.
func TestNothingIsShown(t *testing.T) {
	t.Parallel()
	step := 9
	if os.Getenv("HOOKS_TEST_EXPLAIN") != "" {
		step = 1
	}
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, folder := range vectortest.Load(t, "../../../testdata/explain") {
		p, err := c.Get(folder.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range folder.Vectors {
			if n++; n%step != 0 {
				continue
			}
			r := diagnose.Request{
				Message: v.Clone(), Provider: p, Now: v.At, Providers: c.All(),
				Secrets: []diagnose.Secret{{Name: "given", Secret: v.Secret}},
			}
			for name, s := range v.Others {
				r.Others = append(r.Others, diagnose.Secret{Name: name, Secret: s})
			}
			report := diagnose.Explain(t.Context(), r)
			document, err := json.Marshal(verdict{Diagnosis: report.Findings})
			if err != nil {
				t.Fatal(err)
			}
			shown := explanation(render.View{}, report) + explanation(render.View{Width: 80}, report) + string(document)
			for _, hidden := range hiddenIn(r) {
				if strings.Contains(shown, hidden) {
					t.Errorf("%s/%s shows %q:\n%s", v.Folder, v.Name, hidden, shown)
				}
			}
		}
	}
}

// hiddenIn lists what no report on r may hold.
func hiddenIn(r diagnose.Request) []string {
	var out []string
	for _, s := range append(r.Secrets, r.Others...) {
		out = append(out, spellings(s.Secret)...)
	}
	if _, value, ok := diagnose.Expected(r); ok {
		for _, part := range strings.FieldsFunc(value, func(c rune) bool { return strings.ContainsRune("=, ", c) }) {
			if len(part) >= 16 && !came(r, part) {
				out = append(out, part)
			}
		}
	}
	return out
}

// came says whether a text is part of the request itself.
func came(r diagnose.Request, part string) bool {
	for _, values := range r.Message.Header {
		if strings.Contains(strings.Join(values, " "), part) {
			return true
		}
	}
	return false
}

// spellings are the forms in which a secret could be shown.
func spellings(s safetext.Secret) []string {
	text := s.Reveal()
	bare := strings.Trim(text, "\"'`“” \r\n\u00a0\u200b")
	quoted, _ := json.Marshal(text)
	return []string{
		text, bare, strings.TrimPrefix(bare, "whsec_"), strings.Trim(string(quoted), `"`), base64.StdEncoding.EncodeToString([]byte(bare)),
		hex.EncodeToString([]byte(bare)), url.QueryEscape(bare),
	}
}
