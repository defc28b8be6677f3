package wire

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Mode says what a relay does with a request for a name.
type Mode string

// The modes.
const (
	ModeLive  Mode = "live"  // pass on now, or say that nobody is there
	ModeAuto  Mode = "auto"  // pass on if somebody is there and nothing waits, else store
	ModeQueue Mode = "queue" // store, then deliver
)

// Share says how several links of one token hold a name together.
type Share string

// The ways to share.
const (
	ShareExclusive Share = "exclusive" // the newest link wins
	ShareOneOfN    Share = "one-of-n"  // each request goes to one of them
	ShareBroadcast Share = "broadcast" // each request goes to all of them
)

// Windows are what one end grants the other at the start, and how many
// streams may be open.
type Windows struct {
	Stream  int `json:"stream_window,omitempty"`
	Link    int `json:"link_window,omitempty"`
	Streams int `json:"streams,omitempty"`
}

// DefaultWindows are the windows of an end that names none.
func DefaultWindows() Windows { return Windows{Stream: 262_144, Link: 4_194_304, Streams: 64} }

// A Resume says what a client has of a relay's store.
type Resume struct {
	Epoch  string `json:"epoch"`
	Offset uint64 `json:"offset"`
}

// A Hello is what a client says of itself first.
type Hello struct {
	Client       string   `json:"client"`
	Instance     string   `json:"instance"` // 128 bits in hex, one a process
	Mode         Mode     `json:"mode,omitempty"`
	Share        Share    `json:"share,omitempty"`
	Parallel     int      `json:"parallel,omitempty"`
	AcceptStatus int      `json:"accept_status,omitempty"` // what a sender is told of a stored event
	SkipPoison   bool     `json:"skip_poison,omitempty"`   // an event that is refused ten times goes behind the rest
	Seal         string   `json:"seal,omitempty"`          // the key that stored bodies are sealed with, as SealKey.Public
	Want         []string `json:"want,omitempty"`
	Resume       *Resume  `json:"resume,omitempty"`
	Limits       Windows  `json:"limits"`
}

// A Welcome is a relay's answer to Hello.
type Welcome struct {
	Relay    string   `json:"relay"`
	Node     string   `json:"node"`
	URL      string   `json:"url"`
	Name     string   `json:"name"`
	Mode     Mode     `json:"mode"`
	Share    Share    `json:"share"`
	Epoch    string   `json:"epoch,omitempty"`
	Cursor   uint64   `json:"cursor"`
	Waiting  uint64   `json:"waiting"`
	Expired  uint64   `json:"expired"`
	PingS    int      `json:"ping_s"`
	Limits   Windows  `json:"limits"`
	Features []string `json:"features"`
}

var errHello = errors.New("malformed greeting")

// AppendHello appends a whole HELLO frame.
func AppendHello(dst []byte, h *Hello) ([]byte, error) { return appendJSON(dst, TypeHello, h) }

// AppendWelcome appends a whole WELCOME frame.
func AppendWelcome(dst []byte, w *Welcome) ([]byte, error) { return appendJSON(dst, TypeWelcome, w) }

func appendJSON(dst []byte, t Type, v any) ([]byte, error) {
	p, err := json.Marshal(v)
	if err != nil {
		return dst, err
	}
	if len(p) > MaxJSON {
		return dst, fmt.Errorf("%w: %d bytes", errHello, len(p))
	}
	start := len(dst)
	dst = beginFrame(dst, t, 0, 0)
	return endFrame(append(dst, p...), start), nil
}

// ParseHello reads the payload of HELLO and fills in what is missing.
func ParseHello(p []byte) (*Hello, error) {
	h := &Hello{}
	if err := decodeJSON(p, h); err != nil {
		return nil, err
	}
	orElse(&h.Mode, ModeAuto)
	orElse(&h.Share, ShareExclusive)
	orElse(&h.Parallel, 1)
	orElse(&h.AcceptStatus, 202)
	switch {
	case !isHex(h.Instance, 32):
		return nil, fmt.Errorf("%w: instance", errHello)
	case h.Mode != ModeLive && h.Mode != ModeAuto && h.Mode != ModeQueue:
		return nil, fmt.Errorf("%w: mode %q", errHello, cut(string(h.Mode)))
	case h.Share != ShareExclusive && h.Share != ShareOneOfN && h.Share != ShareBroadcast:
		return nil, fmt.Errorf("%w: share %q", errHello, cut(string(h.Share)))
	case h.Parallel < 1 || h.Parallel > 64:
		return nil, fmt.Errorf("%w: parallel %d", errHello, h.Parallel)
	case h.AcceptStatus != 200 && h.AcceptStatus != 202 && h.AcceptStatus != 204:
		return nil, fmt.Errorf("%w: accept_status %d", errHello, h.AcceptStatus)
	case len(h.Client) > 128:
		return nil, fmt.Errorf("%w: client", errHello)
	case h.Seal != "" && h.Share != ShareExclusive:
		return nil, fmt.Errorf("%w: seal with share %s", errHello, h.Share)
	}
	if h.Seal != "" {
		if _, err := parseSealKey(h.Seal); err != nil {
			return nil, err
		}
	}
	if err := h.Limits.fill(); err != nil {
		return nil, err
	}
	return h, nil
}

// ParseWelcome reads the payload of WELCOME and fills in what is missing.
func ParseWelcome(p []byte) (*Welcome, error) {
	w := &Welcome{}
	if err := decodeJSON(p, w); err != nil {
		return nil, err
	}
	orElse(&w.Mode, ModeAuto)
	orElse(&w.Share, ShareExclusive)
	orElse(&w.PingS, 15)
	if w.PingS < 1 || w.PingS > 300 {
		return nil, fmt.Errorf("%w: ping_s %d", errHello, w.PingS)
	}
	if err := w.Limits.fill(); err != nil {
		return nil, err
	}
	return w, nil
}

func decodeJSON(p []byte, v any) error {
	if len(p) > MaxJSON {
		return fmt.Errorf("%w: %d bytes", errHello, len(p))
	}
	if err := json.Unmarshal(p, v); err != nil {
		return fmt.Errorf("%w: %w", errHello, err)
	}
	return nil
}

// fill gives missing windows their defaults and refuses useless or dangerous
// ones: less than one DATA frame would stall, more than MaxCredit is memory
// that the other end does not owe.
func (w *Windows) fill() error {
	d := DefaultWindows()
	orElse(&w.Stream, d.Stream)
	orElse(&w.Link, max(d.Link, w.Stream))
	orElse(&w.Streams, d.Streams)
	if w.Stream < MaxData || w.Stream > MaxCredit || w.Link < w.Stream || w.Link > MaxCredit ||
		w.Streams < 1 || w.Streams > 1024 {
		return fmt.Errorf("%w: limits %+v", errHello, *w)
	}
	return nil
}

func orElse[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}

func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
