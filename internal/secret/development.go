package secret

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// Development is the development secrets of this machine and user: one for each
// provider, in the form that the provider's secrets have, so that an app takes
// it as its own. Each is made on first use and stays. They are never in a
// keyring: a listener must be able to start without a person.
type Development struct {
	Dir  string    // of the user, for these alone; is made 0700
	Rand io.Reader // the random source of the system

	// Make makes a new secret in the form of a provider. It is an error if it
	// has none.
	Make func(provider string, random io.Reader) (safetext.Secret, error)
}

// Secret returns the development secret for provider. Processes that ask for
// the first time at the same moment get the same one.
func (d *Development) Secret(provider string) (safetext.Secret, error) {
	path := filepath.Join(d.Dir, devFile(provider))
	text, err := readPrivate(path)
	if err == nil && text == nil {
		text, err = d.create(provider, path)
	}
	if err != nil {
		return safetext.Secret{}, fmt.Errorf("development secret: %w", err)
	}
	if len(text) == 0 {
		return safetext.Secret{}, fmt.Errorf("development secret: %s is empty; delete it", path)
	}
	return safetext.NewSecret(string(text)), nil
}

func (d *Development) create(provider, path string) ([]byte, error) {
	if err := makePrivateDir(filepath.Dir(d.Dir)); err != nil {
		return nil, err
	}
	if err := makePrivateDir(d.Dir); err != nil {
		return nil, err
	}
	s, err := d.Make(provider, d.Rand)
	if err != nil {
		return nil, err
	}
	if err := check(s); err != nil {
		return nil, err
	}
	if err := createPrivate(path, []byte(s.Reveal())); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readPrivate(path) // what another process made counts
}

// devFile is the name of the file for a provider. The id of a provider may come
// from anywhere: what is not plain is hashed.
func devFile(provider string) string {
	if regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`).MatchString(provider) {
		return provider
	}
	sum := sha256.Sum256([]byte(provider))
	return "sha256." + hex.EncodeToString(sum[:])
}
