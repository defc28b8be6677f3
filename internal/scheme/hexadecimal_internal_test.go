package scheme

import (
	"encoding/hex"
	"strings"
	"testing"
)

// TestDecodeHex tries every byte in every position of a word.
func TestDecodeHex(t *testing.T) {
	t.Parallel()
	for _, upper := range []bool{false, true} {
		digits := "0123456789abcdef"
		if upper {
			digits = strings.ToUpper(digits)
		}
		for length := 0; length <= 18; length++ {
			text := strings.Repeat(digits, 2)[:length]
			got, ok := decodeHex([]byte("x"), text, upper)
			want, err := hex.DecodeString(text)
			if ok != (err == nil) || ok && string(got) != "x"+string(want) {
				t.Errorf("decodeHex(%q) = %x, %v, want %x", text, got, ok, want)
			}
			for at := range length {
				for c := range 256 {
					changed := []byte(text)
					changed[at] = byte(c)
					want, err := hex.DecodeString(string(changed))
					fits := err == nil && strings.IndexByte(digits, byte(c)) >= 0
					got, ok := decodeHex(nil, string(changed), upper)
					if ok != fits || ok && string(got) != string(want) {
						t.Fatalf("decodeHex(%q) = %x, %v, want %x, %v", changed, got, ok, want, fits)
					}
				}
			}
		}
	}
}
