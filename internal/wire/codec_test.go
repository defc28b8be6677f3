package wire_test

import (
	"bytes"
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/wire"
)

func sampleHead() *wire.RequestHead {
	return &wire.RequestHead{
		TLS: true, Method: "POST", Target: "/webhooks/canvelete?a=%2F&b=1", Host: "relay.example",
		Remote: "203.0.113.9:4711",
		Header: http.Header{
			"Content-Type": {"application/json"}, "X-Canvelete-Signature": {"sha256=00"},
			"X-Repeat": {"a", "", "b"}, "Content-Length": {"512"}, "User-Agent": {"canvelete/1"},
		},
	}
}

func sampleEvent() *wire.Event {
	return &wire.Event{
		Offset: 4711, Number: 12, ReceivedAt: time.Unix(1_700_000_000, 123).UTC(),
		ID: wire.EventID{1, 2, 3}, Attempt: 2, Length: 99, Digest: [32]byte{9}, Head: sampleHead(),
	}
}

func TestHeadsRoundTrip(t *testing.T) {
	t.Parallel()
	p, err := wire.AppendEvent(nil, sampleEvent())
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.ParseEvent(p)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, sampleEvent()) {
		t.Errorf("event = %+v, want %+v", got, sampleEvent())
	}
	want := &wire.ResponseHead{Status: 418, Header: http.Header{"Set-Cookie": {"a=1", "b=2"}}}
	p, err = wire.AppendResponseHead(nil, want)
	if err != nil {
		t.Fatal(err)
	}
	head, err := wire.ParseResponseHead(p)
	if err != nil || !reflect.DeepEqual(head, want) {
		t.Errorf("response head = %+v, %v, want %+v", head, err, want)
	}
}

// A head that could be read in two ways is refused where it is written and
// where it is read.
func TestHeadsRefused(t *testing.T) {
	t.Parallel()
	change := map[string]func(h *wire.RequestHead){
		"absolute-target":     func(h *wire.RequestHead) { h.Target = "http://169.254.169.254/" },
		"authority-target":    func(h *wire.RequestHead) { h.Target = "evil:80" },
		"empty-target":        func(h *wire.RequestHead) { h.Target = "" },
		"space-in-target":     func(h *wire.RequestHead) { h.Target = "/ HTTP/1.1" },
		"newline-in-target":   func(h *wire.RequestHead) { h.Target = "/\r\nX: y" },
		"long-target":         func(h *wire.RequestHead) { h.Target = "/" + strings.Repeat("a", wire.MaxTarget) },
		"method-with-space":   func(h *wire.RequestHead) { h.Method = "GET /" },
		"empty-method":        func(h *wire.RequestHead) { h.Method = "" },
		"host-with-newline":   func(h *wire.RequestHead) { h.Host = "a\nb" },
		"remote-with-newline": func(h *wire.RequestHead) { h.Remote = "1.2.3.4\n" },
		"lower-case-name":     func(h *wire.RequestHead) { h.Header = http.Header{"x-a": {"1"}} },
		"name-with-colon":     func(h *wire.RequestHead) { h.Header = http.Header{"X:": {"1"}} },
		"empty-name":          func(h *wire.RequestHead) { h.Header = http.Header{"": {"1"}} },
		"value-with-newline":  func(h *wire.RequestHead) { h.Header = http.Header{"X": {"a\r\nY: b"}} },
		"value-with-nul":      func(h *wire.RequestHead) { h.Header = http.Header{"X": {"a\x00"}} },
		"too-many-values":     func(h *wire.RequestHead) { h.Header = http.Header{"X": make([]string, 1001)} },
	}
	for name, spoil := range change {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := sampleHead()
			spoil(h)
			if _, err := wire.AppendRequestHead(nil, h); !errors.Is(err, wire.ErrFrame) {
				t.Errorf("AppendRequestHead(%+v) = %v, want ErrFrame", h, err)
			}
		})
	}
}

func TestBytesRefused(t *testing.T) {
	t.Parallel()
	tests := map[string][]byte{
		"empty-first-name":         {0, 200, 1, 0, 0},
		"count-over-bytes":         {0, 200, 0xe7, 7, 1, 'A'},
		"count-over-limit":         append([]byte{0, 200, 0xe9, 7}, make([]byte, 4000)...),
		"long-varint":              {0, 200, 0x80, 0},
		"endless-varint":           append([]byte{0, 200}, bytes.Repeat([]byte{0xff}, 11)...),
		"names-not-sorted":         {0, 200, 2, 1, 'B', 0, 1, 'A', 0},
		"string-longer-than-input": {0, 200, 1, 9, 'A', 0},
		"bytes-after-block":        {0, 200, 1, 1, 'A', 0, 7},
		"status-zero":              {0, 0, 0},
		"status-too-high":          {4, 0, 0},
	}
	for name, p := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if h, err := wire.ParseResponseHead(p); !errors.Is(err, wire.ErrFrame) || h != nil {
				t.Errorf("ParseResponseHead(% x) = %+v, %v, want ErrFrame", p, h, err)
			}
		})
	}
}

func TestHeaderRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		h    wire.Header
		ok   bool
	}{
		{"data", wire.Header{wire.TypeData, wire.FlagFin, 1, wire.MaxData}, true},
		{"data-too-long", wire.Header{wire.TypeData, 0, 1, wire.MaxData + 1}, false},
		{"data-on-link", wire.Header{wire.TypeData, 0, 0, 1}, false},
		{"data-with-foreign-flag", wire.Header{wire.TypeData, wire.FlagExpect, 1, 1}, false},
		{"known-with-optional", wire.Header{wire.TypeData, wire.FlagOptional, 1, 1}, false},
		{"credit-on-link", wire.Header{wire.TypeCredit, 0, 0, 4}, true},
		{"credit-on-stream", wire.Header{wire.TypeCredit, 0, 7, 4}, true},
		{"credit-short", wire.Header{wire.TypeCredit, 0, 7, 3}, false},
		{"hello-on-stream", wire.Header{wire.TypeHello, 0, 1, 10}, false},
		{"hello-long", wire.Header{wire.TypeHello, 0, 0, wire.MaxJSON + 1}, false},
		{"unknown", wire.Header{0x7f, 0, 0, 1}, false},
		{"unknown-optional", wire.Header{0x7f, wire.FlagOptional, 9, 1}, true},
		{"unknown-optional-long", wire.Header{0x7f, wire.FlagOptional, 9, wire.MaxPayload + 1}, false},
		{"stream-too-high", wire.Header{wire.TypeData, 0, 1 << 31, 1}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := wire.AppendHeader(nil, tt.h)
			got, err := wire.ParseHeader(p)
			if tt.ok && (err != nil || got != tt.h) {
				t.Errorf("ParseHeader = %+v, %v, want %+v", got, err, tt.h)
			}
			if !tt.ok && (!errors.Is(err, wire.ErrFrame) || got != wire.Header{}) {
				t.Errorf("ParseHeader = %+v, %v, want ErrFrame and nothing", got, err)
			}
		})
	}
}

func TestHello(t *testing.T) {
	t.Parallel()
	const instance = "0123456789abcdef0123456789abcdef"
	got, err := wire.ParseHello([]byte(`{"client":"x","instance":"` + instance + `","new_member":[1]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Mode != wire.ModeAuto || got.Share != wire.ShareExclusive || got.Parallel != 1 ||
		got.Limits != wire.DefaultWindows() {
		t.Errorf("ParseHello fills in %+v", got)
	}
	for name, p := range map[string]string{
		"not-json":      `x`,
		"no-instance":   `{}`,
		"upper-case":    `{"instance":"` + strings.ToUpper(instance) + `"}`,
		"mode":          `{"instance":"` + instance + `","mode":"best"}`,
		"share":         `{"instance":"` + instance + `","share":"all"}`,
		"parallel":      `{"instance":"` + instance + `","parallel":65}`,
		"small-window":  `{"instance":"` + instance + `","limits":{"stream_window":1}}`,
		"large-window":  `{"instance":"` + instance + `","limits":{"link_window":4294967296}}`,
		"accept-status": `{"instance":"` + instance + `","accept_status":500}`,
		"long":          `{"instance":"` + instance + `","client":"` + strings.Repeat("a", wire.MaxJSON) + `"}`,
	} {
		if h, err := wire.ParseHello([]byte(p)); err == nil {
			t.Errorf("%s: ParseHello = %+v, want an error", name, h)
		}
	}
}

// Encoding happens for every frame of every stream: it must leave nothing for
// the collector.
func TestEncodingAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 8192)
	event, end := sampleEvent(), &wire.End{Length: 3, Digest: [32]byte{1}}
	ack := wire.Ack{Cumulative: 1, Singles: []uint64{3, 5}}
	n := testing.AllocsPerRun(200, func() {
		b := wire.AppendHeader(buf[:0], wire.Header{Type: wire.TypeData, Stream: 1, Length: 3})
		b, _ = wire.AppendEvent(b, event)
		b, _ = wire.AppendEnd(b, end)
		b = wire.AppendAck(b, ack)
		b = wire.AppendCredit(b, 1)
		_ = wire.AppendState(b, wire.State{Link: wire.StateLive})
	})
	if n != 0 {
		t.Errorf("encoding allocates %v times, want none", n)
	}
}

func BenchmarkAppendRequestHead(b *testing.B) {
	h, buf := sampleHead(), make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.AppendRequestHead(buf[:0], h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRequestHead(b *testing.B) {
	p, err := wire.AppendRequestHead(nil, sampleHead())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.ParseRequestHead(p); err != nil {
			b.Fatal(err)
		}
	}
}
