package relay

import (
	"crypto/rand"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
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

// That a token file is away is told once; the tokens stay, and what the file says
// when it is back holds.
func TestTokenFileIsAway(t *testing.T) {
	t.Parallel()
	path, now := t.TempDir()+"/tokens.json", time.Now()
	write := func(n int) {
		var list []*Token
		for range n {
			_, tok, err := MintToken(rand.Reader, now)
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, tok)
		}
		if err := WriteTokens(path, list); err != nil {
			t.Fatal(err)
		}
	}
	write(1)
	tokens, err := LoadTokens(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if changed, err := tokens.Reload(now); changed || err == nil || tokens.Len() != 1 {
		t.Errorf("the first time: %v, %v, %d tokens", changed, err, tokens.Len())
	}
	if changed, err := tokens.Reload(now); changed || err != nil {
		t.Errorf("the second time: %v, %v", changed, err)
	}
	write(2)
	if changed, err := tokens.Reload(now); !changed || err != nil || tokens.Len() != 2 {
		t.Errorf("when it is back: %v, %v, %d tokens", changed, err, tokens.Len())
	}
}

// However many addresses come, one that has used up what it may do is not
// forgotten as long as others can be.
func TestManyAddresses(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a := addrBuckets{rate: 1, burst: 1}
	for n := range uint32(maxAddrs - 1) {
		a.take(netip.AddrFrom4([4]byte{1, byte(n >> 16), byte(n >> 8), byte(n)}), now)
	}
	greedy, now := netip.MustParseAddr("192.0.2.1"), now.Add(2*time.Second)
	if !a.take(greedy, now) || a.take(greedy, now) {
		t.Fatal("the first may pass, and no other")
	}
	a.take(netip.MustParseAddr("192.0.2.2"), now)
	if a.take(greedy, now) || len(a.all) > 2 {
		t.Errorf("it passed again, %d addresses known", len(a.all))
	}
}

// TestTokensAddedAtOnce: those who change a token file at the same time lose
// nothing of each other.
func TestTokensAddedAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tokens.json")
	const count = 20
	var wg sync.WaitGroup
	for range count {
		wg.Go(func() {
			_, token, err := MintToken(rand.Reader, time.Now())
			if err == nil {
				err = AddToken(path, token)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if list, err := ReadTokens(path); err != nil || len(list) != count {
		t.Errorf("%d tokens in the file, %v; want %d", len(list), err, count)
	}
}
