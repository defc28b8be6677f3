package diagnose_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme/vectortest"
)

// What has to be named exactly, of a hundred.
const (
	leastSingles = 99
	leastPairs   = 95
)

// A tally counts the cases of one kind.
type tally struct{ cases, exact, among, unknown int }

func (t tally) percent() float64 { return 100 * float64(t.exact) / float64(max(1, t.cases)) }

// TestCorpus explains every case of testdata/explain, which were made by the
// stacks that apps really use: see generate.py there. Each is named exactly,
// save for the few that the least figures allow to be unknown. None is named
// wrongly, and nothing that is valid is explained.
func TestCorpus(t *testing.T) {
	t.Parallel()
	var singles, pairs, more, lost, silent tally
	for _, folder := range vectortest.Load(t, "../../testdata/explain") {
		p, err := catalogue().Get(folder.Name)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range folder.Vectors {
			got := explainVector(t, p, v)
			of := &singles
			switch {
			case v.Causes[0] == "none", v.Causes[0] == "unknown":
				of = &silent
			case v.Lost != "":
				of = &lost
			case len(v.Causes) == 2:
				of = &pairs
			case len(v.Causes) > 2:
				of = &more
			}
			judgeVector(t, of, v, got)
		}
	}
	t.Logf("named exactly: %d of %d single causes (%.1f %%), %d of %d pairs (%.1f %%), %d of %d threes",
		singles.exact, singles.cases, singles.percent(), pairs.exact, pairs.cases, pairs.percent(), more.exact, more.cases)
	t.Logf("not first, but among those of the same likelihood: %d, %d, %d; unknown: %d, %d, %d",
		singles.among, pairs.among, more.among, singles.unknown, pairs.unknown, more.unknown)
	t.Logf("nothing claimed where nothing is to be claimed: %d of %d; where the body has lost something: %d of %d named, the rest unknown",
		silent.exact, silent.cases, lost.exact, lost.cases)
	if singles.cases < 300 || singles.percent() < leastSingles || pairs.percent() < leastPairs || silent.exact != silent.cases {
		t.Errorf("fewer are named than have to be")
	}
}

func explainVector(t *testing.T, p *provider.Provider, v *vectortest.Vector) diagnose.Report {
	t.Helper()
	r := diagnose.Request{
		Message: v.Clone(), Provider: p, Now: v.At, Providers: catalogue().All(),
		Secrets: []diagnose.Secret{{Name: "given", Secret: v.Secret}},
	}
	for _, name := range slices.Sorted(maps.Keys(v.Others)) {
		r.Others = append(r.Others, diagnose.Secret{Name: name, Secret: v.Others[name]})
	}
	return diagnose.Explain(t.Context(), r)
}

// judgeVector counts a report. A wrong one is an error at once.
func judgeVector(t *testing.T, of *tally, v *vectortest.Vector, got diagnose.Report) {
	t.Helper()
	of.cases++
	var named []string
	for _, f := range got.Findings {
		named = append(named, causes(f.Causes))
	}
	want := v.Causes
	if want[0] == "none" {
		want = nil
	}
	slices.Sort(want)
	right := strings.Join(want, ", ")
	switch {
	case len(named) == 0 && right == "", len(named) > 0 && named[0] == right:
		of.exact++
	case slices.Contains(named, right):
		of.among++
		t.Logf("%s/%s: %v, made by %s", v.Folder, v.Name, named, right)
	case len(named) == 1 && named[0] == "unknown":
		of.unknown++
		if v.Lost == "" {
			t.Logf("%s/%s: unknown, made by %s", v.Folder, v.Name, right)
		}
	case len(named) == 0:
		t.Errorf("%s/%s: taken for valid, made by %s", v.Folder, v.Name, right)
	default:
		t.Errorf("%s/%s: %v, made by %s: %s", v.Folder, v.Name, named, right, got.Findings[0].Detail)
	}
}

func causes(list []diagnose.Cause) string {
	var out []string
	for _, c := range list {
		out = append(out, string(c))
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
