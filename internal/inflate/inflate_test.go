package inflate_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/inflate"
)

const text = `{"eventId":"evt_abc123","eventType":"render.completed"}`

func pack(t testing.TB, encoding string, plain io.Reader) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch encoding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "flate":
		w, _ = flate.NewWriter(&b, flate.BestCompression)
	}
	if _, err := io.Copy(w, plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zeros(n int64) io.Reader { return io.LimitReader(zeroReader{}, n) }

// bomb is 100 MiB of zeros, as a hundred members of one stream.
func bomb(t testing.TB) []byte {
	t.Helper()
	return bytes.Repeat(pack(t, "gzip", zeros(1<<20)), 100)
}

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestBody(t *testing.T) {
	t.Parallel()
	gz := pack(t, "gzip", strings.NewReader(text))
	nested := gz
	for range 4 {
		nested = pack(t, "gzip", bytes.NewReader(nested))
	}
	badSum := bytes.Clone(gz)
	badSum[len(badSum)-5] ^= 1
	tests := []struct {
		name     string
		encoding []string
		body     []byte
		want     string // of the decoded body
		err      string
	}{
		{"none", nil, []byte(text), text, ""},
		{"identity", []string{"identity"}, []byte(text), text, ""},
		{"empty-body", []string{"gzip"}, nil, "", ""},
		{"gzip", []string{"gzip"}, gz, text, ""},
		{"x-gzip", []string{" X-GZIP "}, gz, text, ""},
		{"two-members", []string{"gzip"}, append(bytes.Clone(gz), gz...), text + text, ""},
		{"deflate", []string{"deflate"}, pack(t, "zlib", strings.NewReader(text)), text, ""},
		{"bare-deflate", []string{"deflate"}, pack(t, "flate", strings.NewReader(text)), text, ""},
		{"identity-and-gzip", []string{"identity, gzip"}, gz, text, ""},
		{"two-layers", []string{"gzip, gzip"}, gz, "", "compressed, not expanded: 2 layers"},
		{"two-lines", []string{"gzip", "gzip"}, gz, "", "compressed, not expanded: 2 layers"},
		{"nested", []string{"gzip"}, nested, string(pack(t, "gzip", bytes.NewReader(pack(t, "gzip", bytes.NewReader(pack(t, "gzip", bytes.NewReader(gz))))))), ""},
		{"brotli", []string{"br"}, gz, "", `compressed, not expanded: "br" is not an encoding that is known here`},
		{"not-gzip", []string{"gzip"}, []byte(text), "", "compressed, not expanded: it is not gzip"},
		{"short", []string{"gzip"}, gz[:4], "", "compressed, not expanded: the gzip stream ends too early"},
		{"truncated", []string{"gzip"}, gz[:len(gz)-9], "", "compressed, not expanded: the gzip stream ends too early"},
		{"wrong-checksum", []string{"gzip"}, badSum, "", "compressed, not expanded: the checksum of the gzip stream is wrong"},
		{"not-deflate", []string{"deflate"}, []byte("\xff\xff\xff\xff"), "", "compressed, not expanded: the deflate stream is broken"},
		{"bomb", []string{"gzip"}, bomb(t), "", "compressed, not expanded: would exceed 4 MiB"},
		{"small-bomb", []string{"gzip"}, pack(t, "gzip", zeros(100_000)), "", "compressed, not expanded: would exceed 200 times its size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, _, err := inflate.Body(http.Header{"Content-Encoding": tt.encoding}, tt.body)
			if tt.err != "" {
				if err == nil || err.Error() != tt.err {
					t.Errorf("error = %v, want %s", err, tt.err)
				}
				return
			}
			if err != nil || string(got) != tt.want {
				t.Errorf("Body = %.80q, %v, want %.80q", got, err, tt.want)
			}
		})
	}
}

// TestBombIsCheap is not parallel: it measures what all goroutines allocate.
func TestBombIsCheap(t *testing.T) {
	body := bomb(t)
	h := http.Header{"Content-Encoding": {"gzip"}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	if _, _, err := inflate.Body(h, body); err == nil {
		t.Fatal("100 MiB were expanded")
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	t.Logf("%d KiB compressed: %v, %d KiB allocated in all", len(body)>>10, took, (after.TotalAlloc-before.TotalAlloc)>>10)
	if took > 30*time.Second { // hundreds of times what it takes: machines are busy
		t.Errorf("refusing a bomb took %v", took)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
		t.Errorf("refusing a bomb allocated %d MiB", n>>20)
	}
}

// FuzzBody: nothing exceeds the limits, and what is decoded was compressed.
func FuzzBody(f *testing.F) {
	f.Add("gzip", pack(f, "gzip", strings.NewReader(text)))
	f.Add("deflate", pack(f, "zlib", strings.NewReader(text)))
	f.Add("deflate", pack(f, "flate", strings.NewReader(text)))
	f.Add("", []byte(text))
	f.Fuzz(func(t *testing.T, encoding string, body []byte) {
		got, name, err := inflate.Body(http.Header{"Content-Encoding": {encoding}}, body)
		switch {
		case err != nil && got != nil:
			t.Errorf("%d bytes beside %v", len(got), err)
		case err != nil && !strings.HasPrefix(err.Error(), "compressed, not expanded: "):
			t.Errorf("error %q", err)
		case err == nil && name == "" && !bytes.Equal(got, body):
			t.Error("a body that is not compressed was changed")
		case err == nil && name != "" && len(got) > min(inflate.MaxSize, inflate.MaxRatio*len(body)):
			t.Errorf("%d bytes became %d", len(body), len(got))
		}
	})
}
