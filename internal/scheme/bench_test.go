package scheme_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func hexHMAC() scheme.Spec {
	return scheme.Spec{
		Algorithm: "hmac-sha256",
		Signature: scheme.Signature{In: []string{"header:X-Signature"}, Format: "sha256={signature}"},
	}
}

func stampedHMAC() scheme.Spec {
	spec := hexHMAC()
	spec.Content = []string{"{timestamp}.{body}"}
	spec.Timestamp.In = "header:X-Timestamp"
	return spec
}

func stripeLike() scheme.Spec {
	spec := hexHMAC()
	spec.Content = []string{"{timestamp}.{body}"}
	spec.Signature.Format, spec.Signature.Separator = "t={timestamp},v1={signature}", ","
	return spec
}

// prepared returns a scheme, its key and a message that it signed at now.
func prepared(tb testing.TB, spec scheme.Spec, size int, now time.Time) (*scheme.Scheme, []scheme.NamedKey, *scheme.Message) {
	tb.Helper()
	s, err := scheme.Compile(spec)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := s.Key(safetext.NewSecret("a secret of usual length"))
	if err != nil {
		tb.Fatal(err)
	}
	body := make([]byte, size)
	for i := range body {
		body[i] = "0123456789abcdef"[i&15]
	}
	m := &scheme.Message{Method: "POST", URL: "http://127.0.0.1/", Header: http.Header{}, Body: body}
	if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now}); err != nil {
		tb.Fatal(err)
	}
	return s, []scheme.NamedKey{{Name: "test", Key: key}}, m
}

// BenchmarkVerify measures verifying against the least that it takes: the HMAC
// with its state reused, the decoding and the comparison. The two take turns,
// and the fastest turn of each counts, so that what else the machine does
// concerns both alike. A timestamp is one header more to find and to read, a
// list one more value to take apart; neither grows with the body.
func BenchmarkVerify(b *testing.B) {
	now := time.Unix(1_700_000_000, 0)
	for _, bc := range []struct {
		name  string
		spec  scheme.Spec
		limit float64 // for what verifying takes, with a key that is prepared
	}{{"hex", hexHMAC(), 1.15}, {"stamped", stampedHMAC(), 1.20}, {"list", stripeLike(), 1.25}} {
		for _, size := range []int{1 << 10, 64 << 10} {
			b.Run(bc.name+"/"+strconv.Itoa(size), func(b *testing.B) {
				s, keys, m := prepared(b, bc.spec, size, now)
				bare := bareHMAC(b, bc.spec, size)
				const turn = 50
				verify, least := time.Duration(1<<62), time.Duration(1<<62)
				b.ReportAllocs()
				for b.Loop() {
					start := time.Now()
					for range turn {
						bare()
					}
					middle := time.Now()
					for range turn {
						if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Status != webhook.Verified {
							b.Fatal(v)
						}
					}
					verify, least = min(verify, time.Since(middle)), min(least, middle.Sub(start))
				}
				ratio := float64(verify) / float64(least)
				b.ReportMetric(float64(verify)/turn, "ns/verify")
				b.ReportMetric(float64(least)/turn, "ns/hmac")
				b.ReportMetric(ratio, "ratio")
				if ratio > bc.limit {
					b.Errorf("verifying takes %.2f times the HMAC, want at most %.2f", ratio, bc.limit)
				}
			})
		}
	}
}

// bareHMAC returns a function that does no more than the HMAC of the same
// content.
func bareHMAC(b *testing.B, spec scheme.Spec, size int) func() {
	b.Helper()
	s, _, m := prepared(b, spec, size, time.Unix(1_700_000_000, 0))
	read, _ := s.Read(m)
	text, before := []byte(read.Signatures[0]), []byte(nil)
	if read.Timestamp != "" {
		before = []byte(read.Timestamp + ".")
	}
	mac := hmac.New(sha256.New, []byte("a secret of usual length"))
	sum, want := make([]byte, 0, 32), make([]byte, 32)
	return func() {
		mac.Reset()
		mac.Write(before)
		mac.Write(m.Body)
		sum = mac.Sum(sum[:0])
		if _, err := hex.Decode(want, text); err != nil || !hmac.Equal(sum, want) {
			b.Fatal("differs")
		}
	}
}

func TestVerifyAllocatesNothing(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector makes pools forget")
	}
	now := time.Unix(1_700_000_000, 0)
	for name, spec := range map[string]scheme.Spec{"hex": hexHMAC(), "stamped": stampedHMAC(), "list": stripeLike()} {
		t.Run(name, func(t *testing.T) {
			s, keys, m := prepared(t, spec, 1<<10, now)
			n := testing.AllocsPerRun(200, func() {
				if v := s.Verify(m, keys, scheme.VerifyOptions{Now: now}); v.Status != webhook.Verified {
					t.Fatal(v)
				}
			})
			if n != 0 {
				t.Errorf("Verify makes %v allocations, want none", n)
			}
		})
	}
}
