package crosscheck

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestProofs says of each provider what stands behind its definition: a library
// that TestSDKs runs, vectors that were published, or its documentation alone.
// The table is printed with -v.
func TestProofs(t *testing.T) {
	t.Parallel()
	proofs := map[string][]string{}
	for _, id := range newHome(t).providers(t) {
		proofs[id] = nil
	}
	published := 0
	for _, l := range libraries() {
		if _, known := proofs[l.provider]; !known {
			t.Errorf("%s verifies for %s, which is no provider", l.module, l.provider)
		}
		what := "SDK " + l.module
		if l.note != "" {
			what += ", " + l.note
		} else if !l.unsigned && !hasLibrary(proofs[l.provider]) {
			published++
		}
		proofs[l.provider] = append(proofs[l.provider], what)
	}
	for id := range proofs {
		vectors, err := filepath.Glob(filepath.Join("..", "..", "testdata", "vectors", id, "*.vec"))
		if err != nil {
			t.Fatal(err)
		}
		if len(vectors) > 0 {
			proofs[id] = append(proofs[id], fmt.Sprintf("vectors: %d", len(vectors)))
		}
	}
	if published < 40 {
		t.Errorf("%d providers are checked against a library of their own, want 40 at least", published)
	}
	for _, id := range slices.Sorted(maps.Keys(proofs)) {
		if proofs[id] == nil {
			proofs[id] = []string{"documentation"}
		}
		t.Logf("%-24s %s", id, strings.Join(proofs[id], "; "))
	}
	t.Logf("%d providers, %d of them checked against a library of their own", len(proofs), published)
}

func hasLibrary(proofs []string) bool {
	return slices.ContainsFunc(proofs, func(p string) bool { return strings.HasPrefix(p, "SDK ") })
}

// providers returns the names of all that come with the program.
func (h home) providers(tb testing.TB) []string {
	tb.Helper()
	r := h.run(tb, "", "providers", "list", "--json")
	r.want(tb, 0, "providers", "list")
	var all []struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(r.stdout), &all); err != nil || len(all) == 0 {
		tb.Fatalf("hooks providers list: %v\n%s", err, r.stdout)
	}
	var ids []string
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	return ids
}
