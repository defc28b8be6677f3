package secret

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/zalando/go-keyring"
)

// service is the name under which the keyring shows our secrets to a person.
const service = "hooks"

var (
	errNotInKeyring = errors.New("not in the keyring")
	errNoKeyring    = errors.New("there is no keyring here")
	errSlowKeyring  = errors.New("the keyring did not answer; unlock it and try again")
)

// A Keyring is the keyring of the system. A nil one is none.
type Keyring struct {
	Get    func(name string) (string, error)
	Set    func(name, text string) error
	Delete func(name string) error

	// Patience is how long a person may take to unlock the keyring.
	Patience time.Duration
}

// Surroundings is what decides whether there is a keyring to be used.
type Surroundings struct {
	GOOS   string
	Getenv func(string) string
}

// SystemKeyring returns the keyring of the system, nil if there is none that
// can be asked without the risk of waiting for somebody who is not there: none
// in CI, and on Unix none without a session bus on a socket and a display on
// which it could ask to be unlocked.
func SystemKeyring(s Surroundings) *Keyring {
	if s.Getenv("CI") != "" {
		return nil
	}
	switch s.GOOS {
	case "darwin":
		if s.Getenv("SSH_CONNECTION") != "" { // its keychain is locked, and asks on a screen elsewhere
			return nil
		}
	case "windows":
	case "linux", "freebsd", "netbsd", "openbsd", "dragonfly":
		if !desktop(s.Getenv) {
			return nil
		}
	default:
		return nil
	}
	return &Keyring{
		Get:      func(name string) (string, error) { return keyring.Get(service, name) },
		Set:      func(name, text string) error { return keyring.Set(service, name, text) },
		Delete:   func(name string) error { return keyring.Delete(service, name) },
		Patience: 30 * time.Second,
	}
}

// desktop says whether there is a session bus on a local socket, and a display.
// Without the first the bus library would start a daemon of its own.
func desktop(getenv func(string) string) bool {
	if getenv("DISPLAY") == "" && getenv("WAYLAND_DISPLAY") == "" {
		return false
	}
	if addr := getenv("DBUS_SESSION_BUS_ADDRESS"); addr != "" {
		return strings.HasPrefix(addr, "unix:")
	}
	dir := getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		return false
	}
	info, err := os.Stat(filepath.Join(dir, "bus"))
	return err == nil && info.Mode()&os.ModeSocket != 0
}

func (k *Keyring) get(ctx context.Context, name string) (string, error) {
	if k == nil {
		return "", errNoKeyring
	}
	var text string
	err := k.wait(ctx, func() (err error) {
		text, err = k.Get(name)
		return err
	})
	if err != nil {
		return "", err
	}
	return text, nil
}

func (k *Keyring) set(ctx context.Context, name, text string) error {
	if k == nil {
		return errNoKeyring
	}
	return k.wait(ctx, func() error { return k.Set(name, text) })
}

func (k *Keyring) delete(ctx context.Context, name string) error {
	if k == nil {
		return errNoKeyring
	}
	return k.wait(ctx, func() error { return k.Delete(name) })
}

// wait gives up when the context ends, or when nobody unlocks the keyring. The
// call itself cannot be ended: its goroutine is left to end with the keyring's
// answer, or with the process.
func (k *Keyring) wait(ctx context.Context, call func() error) error {
	ctx, cancel := context.WithTimeout(ctx, k.Patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		if errors.Is(err, keyring.ErrNotFound) {
			return errNotInKeyring
		}
		return err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return errSlowKeyring
		}
		return ctx.Err()
	}
}
