//go:build unix

package cli_test

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/hooks-cli/hooks/internal/cli/clitest"
)

// A pipe is written to and stays; one that anybody could have put there is not.
func TestOutputToPipe(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o755, 0o777} {
		w := clitest.New(t)
		path := filepath.Join(w.Dir, "pipe")
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Skip(err)
		}
		if err := os.Chmod(w.Dir, mode); err != nil {
			t.Fatal(err)
		}
		reader, err := os.OpenFile(path, os.O_RDWR, 0) // so that no opening waits
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		w.Global.Output = "pipe"
		end, err := w.OpenOutput(mode == 0o755)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Out.Write([]byte("text")); err != nil {
			t.Fatal(err)
		}
		if err := end(nil); err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if pipe := info.Mode()&fs.ModeNamedPipe != 0; pipe != (mode == 0o755) {
			t.Fatalf("in a directory of mode %o there is now %v", mode, info.Mode())
		}
		if mode != 0o755 {
			continue
		}
		got := make([]byte, 4)
		if _, err := reader.Read(got); err != nil || string(got) != "text" {
			t.Errorf("the pipe has %q, %v", got, err)
		}
	}
}

// An open file is reached by its number, as a shell names what it substitutes;
// another link to a device is not followed.
func TestOutputToDevice(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := w.WriteFile(fmt.Sprintf("/dev/fd/%d", writer.Fd()), []byte("text")); err != nil {
		t.Fatal(err)
	}
	writer.Close()
	if got, err := io.ReadAll(reader); err != nil || string(got) != "text" {
		t.Errorf("the pipe has %q, %v", got, err)
	}
	link := filepath.Join(w.Dir, "link")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Skip(err)
	}
	if err := w.WriteFile("link", []byte("text")); err != nil || read(t, link) != "text" {
		t.Errorf("%v; the link leads to %q", err, read(t, link))
	}
}
