package safetext

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// redacted is what every formatting of a Secret gives. It keeps no part of
// the secret, not even its length.
const redacted = "…(redacted)"

// A Secret is a text that must never be shown. However it is formatted,
// logged or encoded, it prints as "…(redacted)"; only Reveal gives the text.
// The zero value is the empty secret, which is never a key.
type Secret struct{ text string }

// NewSecret wraps text.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text itself, for computing a signature or for the few
// commands whose purpose is to print it.
func (s Secret) Reveal() string { return s.text }

// Empty says whether there is no secret.
func (s Secret) Empty() bool { return s.text == "" }

// String returns a placeholder.
func (s Secret) String() string { return redacted }

// GoString returns a placeholder.
func (s Secret) GoString() string { return redacted }

// Format writes a placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns a placeholder.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(redacted) }

// MarshalText returns a placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
