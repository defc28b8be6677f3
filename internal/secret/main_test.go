package secret_test

import (
	"os"
	"testing"

	"github.com/hooks-cli/hooks/internal/umasktest"
)

func TestMain(m *testing.M) {
	umasktest.Usual()
	os.Exit(m.Run())
}
