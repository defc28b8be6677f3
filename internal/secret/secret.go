// Package secret keeps signing secrets and finds the ones that count.
//
// A secret that a person has set is in the keyring of the system, or, where
// there is none, in a file that only its owner can read (Keeper). A Resolver
// says which secrets a provider has: given on the command line, in the
// environment, named by the settings, kept. Where there is none, a development
// secret stands in, which is made on first use on each machine (Development)
// and is for this machine only (MayUseDevelopment).
//
// The package prints nothing, and none of its errors holds any part of a
// secret.
package secret

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// A Named is a secret and what it is called.
type Named struct {
	// Name is what verdicts show: "canvelete", "canvelete (previous)",
	// "--secret", "HOOKS_SECRET", "development".
	Name   string
	Secret safetext.Secret
	Source string // where it came from, for a person: "keyring", "hooks.yaml:3"

	// NotAfter is when a secret that was replaced ends to count; zero for
	// never.
	NotAfter time.Time
}

// DevelopmentName is the Name of every development secret.
const DevelopmentName = "development"

// Words speaks of the secret with this Name: "the development secret", "the
// secret of --secret", "the secret stripe".
func Words(name string) string {
	switch {
	case name == DevelopmentName:
		return "the development secret"
	case strings.HasPrefix(name, "--"):
		return "the secret of " + name
	}
	return "the secret " + name
}

// maxSecret is longer than any key or set of keys that a provider gives out.
const maxSecret = 64 << 10

// ErrTooLong is returned for a text that is too long to be a secret.
var ErrTooLong = errors.New("the secret is longer than 64 KiB")

// A NoSecretError says that a provider has no secret that may be used.
type NoSecretError struct {
	Provider string
	// Away says that the development secret was not used because the target is
	// another machine.
	Away bool
}

// Error names the provider.
func (e *NoSecretError) Error() string {
	if e.Away {
		return fmt.Sprintf("no signing secret for %s, and the development secret is never used towards another machine", e.Provider)
	}
	return fmt.Sprintf("no signing secret for %s", e.Provider)
}

// MayUseDevelopment says whether a development secret may sign what is sent to
// target: only if it is this machine beyond doubt.
func MayUseDevelopment(target *url.URL) bool { return address.LoopbackURL(target) }
