//go:build unix

package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// TestFirstUseAtTheSameMoment starts several processes in a home that has never
// seen hooks. They agree on one development secret, whoever made it.
func TestFirstUseAtTheSameMoment(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	const processes = 6
	secrets := make([]string, processes)
	var wg sync.WaitGroup
	for i := range processes {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Args = []string{"hooks", "secrets", "get", "canvelete"}
		cmd.Dir, cmd.Env = home, []string{"HOME=" + home, "XDG_CONFIG_HOME=" + filepath.Join(home, "config")}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			if err := cmd.Start(); err != nil {
				t.Error(err)
				return
			}
			b, err := io.ReadAll(out)
			if werr := cmd.Wait(); err != nil || werr != nil {
				t.Error(err, werr)
			}
			secrets[i] = string(b)
		})
	}
	wg.Wait()
	for _, s := range secrets {
		if s != secrets[0] || len(s) < 24 {
			t.Errorf("the processes have %q", secrets)
			break
		}
	}
}
