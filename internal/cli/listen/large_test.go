package listen

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A body that is written in pieces comes out as it does in one.
func TestWriteLarge(t *testing.T) {
	t.Parallel()
	random := make([]byte, 3*pieceSize+17)
	chance := rand.NewChaCha8([32]byte{1})
	_, _ = chance.Read(random)
	for name, body := range map[string][]byte{
		"text":   []byte(strings.Repeat("aé€😀\"\\\n\u202e<&>\x1b\u2028", 20_000)),
		"even":   []byte(strings.Repeat("x", 2*pieceSize)),
		"bytes":  random,
		"marked": []byte(strings.Repeat(`"body":"","size":0`, 10_000)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &webhook.Delivery{
				ID: "dlv_1", Direction: webhook.Received, ReceivedAt: time.Unix(1_700_000_000, 0), Method: "POST",
				Header: http.Header{"X-A": {`"body":"","size":0`, "\u202e"}}, Body: body,
			}
			var got bytes.Buffer
			if err := writeLarge(&got, `"kind":"delivery",`, d); err != nil {
				t.Fatal(err)
			}
			whole, err := d.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			want := `{"kind":"delivery",` + string(safetext.EscapeJSON(whole))[1:] + "\n"
			if got.String() != want {
				t.Errorf("%d bytes, want %d; they differ from byte %d", got.Len(), len(want), differ(got.String(), want))
			}
			var back webhook.Delivery
			if err := json.Unmarshal(got.Bytes(), &back); err != nil || !bytes.Equal(back.Body, body) {
				t.Errorf("read back: %v, the same: %v", err, bytes.Equal(back.Body, body))
			}
		})
	}
}

func differ(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
