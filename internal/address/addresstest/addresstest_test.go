package addresstest_test

import (
	"strconv"
	"testing"

	"github.com/hooks-cli/hooks/internal/address/addresstest"
)

func TestPort(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 200 {
		port, err := addresstest.Port()
		if err != nil {
			t.Fatal(err)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 20000 || n >= 32768 || seen[port] {
			t.Fatalf("Port = %q after %d others", port, len(seen))
		}
		seen[port] = true
	}
}
