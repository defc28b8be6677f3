package config

import (
	"path/filepath"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/units"
)

// Provider returns the provider that is meant where none is named, "" for
// none.
func (s *Settings) Provider() string { return s.must("provider").Text() }

// To returns where send and replay deliver, "" for the usual place.
func (s *Settings) To() string { return s.must("to").Text() }

// Listen returns the address to listen on.
func (s *Settings) Listen() string { return s.must("listen").Text() }

// Forward returns where listen forwards, each as SplitForward reads it.
func (s *Settings) Forward() []string { return s.must("forward").Texts }

// Events returns the pattern of events that listen shows, "" for all.
func (s *Settings) Events() string { return s.must("events").Text() }

// Filter returns the jq expression for payloads that listen shows, "" for all.
func (s *Settings) Filter() string { return s.must("filter").Text() }

// Relay returns the URL of the relay, "" for none.
func (s *Settings) Relay() string { return s.must("relay").Text() }

// Keep returns what the store keeps: ages, numbers of captures, sizes.
func (s *Settings) Keep() []string { return s.must("keep").Texts }

// Color returns "auto", "always" or "never".
func (s *Settings) Color() string { return s.must("color").Text() }

// Store returns the path of the store's file, "" for the usual place.
func (s *Settings) Store() string {
	v := s.must("store")
	if v.Text() == "" {
		return ""
	}
	return s.path(v.dir, v.Text())
}

// Tolerance returns how old a signed timestamp may be, and false where the
// provider's own tolerance counts.
func (s *Settings) Tolerance() (time.Duration, bool) {
	d, err := units.ParseDuration(s.must("tolerance").Text())
	return d, err == nil && d > 0
}

// MaxBody returns the largest body that is taken, in bytes.
func (s *Settings) MaxBody() int64 {
	n, err := units.ParseSize(s.must("max_body").Text())
	if err != nil {
		return 0 // values have been checked when they were read
	}
	return n
}

// A SecretRef is where a file says that a secret is.
type SecretRef struct {
	Variable string // of the environment, or ""
	File     string // an absolute path, or ""
	Origin   Origin
}

// Secret returns where the files say that the secret of a provider is, and
// false if they do not.
func (s *Settings) Secret(provider string) (SecretRef, bool) {
	v, err := s.Get(secretsPrefix + provider)
	if err != nil || !v.Set() {
		return SecretRef{}, false
	}
	kind, name := splitSecret(v.Text())
	if kind == "env" {
		return SecretRef{Variable: name, Origin: v.Origin}, true
	}
	return SecretRef{File: s.path(v.dir, name), Origin: v.Origin}, true
}

// Definitions returns the providers that the files define, the project's
// first. Paths are absolute.
func (s *Settings) Definitions() []Definition {
	var list []Definition
	for _, f := range s.files {
		for _, d := range f.definitions {
			if d.Path != "" {
				d.Path = s.path(filepath.Dir(f.path), d.Path)
			}
			d.Untrusted = f.kind == kindProject && !f.trusted
			list = append(list, d)
		}
	}
	return list
}

// path makes name absolute: relative to the folder of the file that has it.
func (s *Settings) path(dir, name string) string {
	if rest, ok := strings.CutPrefix(name, "~/"); ok && s.options.Home != "" {
		return filepath.Join(s.options.Home, rest)
	}
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(dir, name)
}
