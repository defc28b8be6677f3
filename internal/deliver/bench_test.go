package deliver_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
)

// BenchmarkSignedLoad sends 1 kB bodies, each with a signature of its own, over
// eight connections to a handler that does nothing; the limit beside it sends
// the same request through net/http without a signature.
func BenchmarkSignedLoad(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer srv.Close()
	body := make([]byte, 1024)
	c := deliver.New(time.Now, deliver.Options{})
	defer c.Close()
	b.ReportAllocs()
	load := deliver.Load{
		Client: c, Count: b.N, Concurrency: 8, Now: time.Now,
		Build: func(int) (deliver.Shot, error) {
			mac := hmac.New(sha256.New, []byte("secret"))
			mac.Write(body)
			h := http.Header{"X-Signature": {hex.EncodeToString(mac.Sum(nil))}, "Content-Type": {"application/json"}}
			return deliver.Shot{Request: deliver.Request{URL: srv.URL, Header: h, Body: body}}, nil
		},
	}
	b.ResetTimer()
	if r, err := load.Run(b.Context()); err != nil || r.Accepted != b.N {
		b.Fatalf("accepted %d of %d, err %v", r.Accepted, b.N, err)
	}
}
