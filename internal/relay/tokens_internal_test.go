package relay

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// Each of many tokens is found, and none that is not there. A set says once
// that a token has expired, whichever it was.
func TestTokenSet(t *testing.T) {
	t.Parallel()
	now := time.Now()
	var secrets []safetext.Secret
	var list []*Token
	for i := range 1000 {
		secret, tok, err := MintToken(rand.Reader, now)
		if err != nil {
			t.Fatal(err)
		}
		if i < 3 {
			at := now.Add(time.Duration(i) * time.Hour)
			tok.ExpiresAt = &at
		}
		secrets, list = append(secrets, secret), append(list, tok)
	}
	twin := *list[7] // its hash begins like another's
	twin.ID, twin.hash[31] = "twin", twin.hash[31]+1
	tokens := &Tokens{set: newTokenSet(append(list, &twin), now)}
	for i, secret := range secrets {
		if got := tokens.find(HashToken(secret), now); i > 0 && got != list[i] || i == 0 && got != nil {
			t.Fatalf("token %d: found %v", i, got)
		}
	}
	if got := tokens.find(twin.hash, now); got != &twin {
		t.Errorf("the twin: found %v", got)
	}
	if got := tokens.find(HashToken(safetext.NewSecret("hkt_unknown")), now); got != nil {
		t.Errorf("an unknown token: found %v", got)
	}
	for at, want := range map[time.Duration][2]bool{
		30 * time.Minute: {false, false}, 61 * time.Minute: {true, false}, 5 * time.Hour: {true, false},
	} {
		tokens := &Tokens{set: newTokenSet(list, now)}
		if got := [2]bool{tokens.lapsed(now.Add(at)), tokens.lapsed(now.Add(at))}; got != want {
			t.Errorf("after %v: lapsed %v, want %v", at, got, want)
		}
	}
}
