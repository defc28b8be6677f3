package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// trustFile keeps which projects' files are trusted: the SHA-256 of each, by
// its path. A file that has changed since is not trusted.
const trustFile = "trusted.json"

func trusts(stateDir string, f *file) bool {
	list, err := readTrust(stateDir)
	return err == nil && list[f.path] == fingerprint(f.text)
}

func fingerprint(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func readTrust(stateDir string) (map[string]string, error) {
	b, err := os.ReadFile(filepath.Join(stateDir, trustFile))
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	var list map[string]string
	if err := json.Unmarshal(b, &list); err != nil || list == nil {
		return map[string]string{}, nil // damaged: nothing is trusted
	}
	return list, nil
}

// Trust records that the project's file, as it was when it was loaded, is to
// be listened to in full; with no, that it is not. It is an error if there is
// no project's file.
func (s *Settings) Trust(yes bool) error {
	if s.project == nil {
		return fmt.Errorf("there is no %s here", ProjectFile)
	}
	list, err := readTrust(s.options.StateDir)
	if err != nil {
		return err
	}
	if yes {
		list[s.project.path] = fingerprint(s.project.text)
	} else {
		delete(list, s.project.path)
	}
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(s.options.StateDir, trustFile), append(b, '\n'), 0o600)
}

// replaceFile writes a whole file or nothing: a new one that takes the place
// of the old one. Its folder is made for the owner alone.
func replaceFile(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".hooks-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // gone already if all went well
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}
