package wire_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hooks-cli/hooks/internal/wire"
)

// What is sealed for a key is opened with it, as the body of that event, and
// with nothing else.
func TestSeal(t *testing.T) {
	t.Parallel()
	key := func(b byte) *wire.SealKey {
		k, err := wire.NewSealKey(bytes.Repeat([]byte{b}, 32))
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	mine, id := key(1), wire.EventID{1}
	if mine.Public() != key(1).Public() || mine.Public() == key(2).Public() {
		t.Error("a key is not that of its material")
	}
	for _, body := range []string{"", "the body"} {
		sealed, err := wire.SealBody(mine.Public(), id, []byte(body))
		if err != nil || bytes.Contains(sealed, []byte("body")) {
			t.Fatalf("%q, %v", sealed, err)
		}
		if got, err := mine.Open(id, sealed); err != nil || string(got) != body {
			t.Errorf("opened %q, %v", got, err)
		}
		damaged := bytes.Clone(sealed)
		damaged[len(damaged)-1] ^= 1
		for name, open := range map[string]func() ([]byte, error){
			"another-key":   func() ([]byte, error) { return key(2).Open(id, sealed) },
			"another-event": func() ([]byte, error) { return mine.Open(wire.EventID{2}, sealed) },
			"damaged":       func() ([]byte, error) { return mine.Open(id, damaged) },
			"cut":           func() ([]byte, error) { return mine.Open(id, sealed[:20]) },
		} {
			if got, err := open(); !errors.Is(err, wire.ErrSealed) || got != nil {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
	for _, public := range []string{"", "x", mine.Public()[1:], mine.Public() + "A", "====" + mine.Public()[4:]} {
		if _, err := wire.SealBody(public, id, nil); err == nil {
			t.Errorf("key %q was taken", public)
		}
	}
}
