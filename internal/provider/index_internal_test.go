package provider

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write index.txt")

// TestIndexIsFresh compares index.txt with the definitions; -update writes it.
func TestIndexIsFresh(t *testing.T) {
	want, err := makeIndex()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(indexFile, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := files.ReadFile(indexFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("index.txt is not what the definitions say: go test ./internal/provider -run TestIndexIsFresh -update")
	}
}
