package presence_test

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/presence"
)

// TestMain lets the test's own program be a listener that waits to be killed.
func TestMain(m *testing.M) {
	if store := os.Getenv("PRESENCE_TEST_STORE"); store != "" {
		if _, err := presence.Announce(store, presence.Listener{URL: "http://killed"}); err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString("ready\n")
		<-time.After(time.Hour)
	}
	os.Exit(m.Run())
}

func announce(t *testing.T, store, url string, from int64) func() {
	t.Helper()
	leave, err := presence.Announce(store, presence.Listener{URL: url, From: from, Since: time.Unix(1_700_000_000, 0).UTC(), PID: 7})
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

func urls(store string) string {
	var out []string
	for _, l := range presence.Running(store) {
		out = append(out, l.URL)
	}
	return strings.Join(out, " ")
}

func TestAnnounceAndLeave(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "captures.db")
	if got := urls(store); got != "" {
		t.Errorf("before anybody came: %q", got)
	}
	second := announce(t, store, "http://second", 9)
	first := announce(t, store, "http://first", 3)
	if got := urls(store); got != "http://first http://second" {
		t.Errorf("Running = %q", got)
	}
	if l := presence.Running(store)[0]; l.From != 3 || !l.Since.Equal(time.Unix(1_700_000_000, 0)) || l.PID != 7 {
		t.Errorf("Running = %+v", l)
	}
	first()
	if got := urls(store); got != "http://second" {
		t.Errorf("Running = %q", got)
	}
	second()
	if got := urls(store); got != "" {
		t.Errorf("Running = %q", got)
	}
}

// A process that is killed is gone at once, and the next one clears away after
// it.
func TestKilled(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	store := filepath.Join(dir, "captures.db")
	cmd := exec.CommandContext(t.Context(), self)
	cmd.Env = append(os.Environ(), "PRESENCE_TEST_STORE="+store)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the process said %q, %v", line, err)
	}
	if got := urls(store); got != "http://killed" {
		t.Errorf("Running = %q", got)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	if got := urls(store); got != "" {
		t.Errorf("after the kill: %q", got)
	}
	announce(t, store, "http://next", 1)()
	left, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Whoever has announced himself is seen by everybody, however many come, go and
// ask meanwhile.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "captures.db")
	defer announce(t, store, "http://stays", 0)()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 40 {
				leave, err := presence.Announce(store, presence.Listener{URL: "http://goes", From: 5})
				if err != nil {
					t.Error(err)
					return
				}
				got := presence.Running(store)
				if len(got) < 2 || got[0].URL != "http://stays" {
					t.Errorf("Running = %+v", got)
				}
				leave()
			}
		})
	}
	wg.Wait()
	if got := urls(store); got != "http://stays" {
		t.Errorf("in the end: %q", got)
	}
}

func TestFolderThatIsNone(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "captures.db")
	if err := os.WriteFile(store+".listeners", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := presence.Announce(store, presence.Listener{}); err == nil {
		t.Error("a file was taken for the folder")
	}
	if got := urls(store); got != "" {
		t.Errorf("Running = %q", got)
	}
}
