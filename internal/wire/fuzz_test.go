package wire_test

import (
	"bytes"
	"net/http"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/wire"
)

// encodeAgain decodes a payload of type h.Type and encodes what it means.
// The second result is false for payloads without a codec of one form.
func encodeAgain(h wire.Header, p []byte) ([]byte, bool, error) {
	switch h.Type {
	case wire.TypeOpen:
		v, err := wire.ParseRequestHead(p)
		if err != nil {
			return nil, true, err
		}
		out, err := wire.AppendRequestHead(nil, v)
		return out, true, err
	case wire.TypeHead:
		v, err := wire.ParseResponseHead(p)
		if err != nil {
			return nil, true, err
		}
		out, err := wire.AppendResponseHead(nil, v)
		return out, true, err
	case wire.TypeEnd:
		v, err := wire.ParseEnd(p, h.Flags)
		if err != nil {
			return nil, true, err
		}
		out, err := wire.AppendEnd(nil, v)
		return out, true, err
	case wire.TypeEvent:
		v, err := wire.ParseEvent(p)
		if err != nil {
			return nil, true, err
		}
		out, err := wire.AppendEvent(nil, v)
		return out, true, err
	}
	return encodeFixed(h, p)
}

func encodeFixed(h wire.Header, p []byte) ([]byte, bool, error) {
	switch h.Type {
	case wire.TypeCredit:
		v, err := wire.ParseCredit(p)
		return wire.AppendCredit(nil, v), true, err
	case wire.TypeReset:
		v, err := wire.ParseReset(p)
		return wire.AppendReset(nil, v), true, err
	case wire.TypeAck:
		v, err := wire.ParseAck(p)
		return wire.AppendAck(nil, v), true, err
	case wire.TypeNack:
		v, err := wire.ParseNack(p)
		return wire.AppendNack(nil, v), true, err
	case wire.TypeSeek:
		v, err := wire.ParseSeek(p)
		return wire.AppendSeek(nil, v), true, err
	case wire.TypeState:
		v, err := wire.ParseState(p)
		return wire.AppendState(nil, v), true, err
	case wire.TypeGoAway:
		v, err := wire.ParseGoAway(p)
		return wire.AppendGoAway(nil, v), true, err
	}
	return nil, false, nil
}

func frame(t wire.Type, f wire.Flags, stream uint32, p []byte) []byte {
	h := wire.AppendHeader(nil, wire.Header{Type: t, Flags: f, Stream: stream, Length: uint32(len(p))})
	return append(h, p...)
}

// FuzzFrame: whatever decodes encodes back to the same bytes.
func FuzzFrame(f *testing.F) {
	head, _ := wire.AppendRequestHead(nil, sampleHead())
	event, _ := wire.AppendEvent(nil, sampleEvent())
	answer, _ := wire.AppendResponseHead(nil, &wire.ResponseHead{Status: 200, Header: http.Header{"A": {"1", "2"}, "B": {""}}})
	end, _ := wire.AppendEnd(nil, &wire.End{Length: 5, Trailer: http.Header{"Grpc-Status": {"0"}}})
	f.Add(frame(wire.TypeOpen, wire.FlagFin, 1, head))
	f.Add(frame(wire.TypeEvent, 0, 3, event))
	f.Add(frame(wire.TypeHead, 0, 1, answer))
	f.Add(frame(wire.TypeEnd, 0, 1, end))
	f.Add(frame(wire.TypeCredit, 0, 0, wire.AppendCredit(nil, 4096)))
	f.Add(frame(wire.TypeReset, 0, 1, wire.AppendReset(nil, wire.Reset{Code: wire.ResetCancel, Reason: "gone"})))
	f.Add(frame(wire.TypeAck, 0, 0, wire.AppendAck(nil, wire.Ack{Cumulative: 7, Singles: []uint64{9, 12}})))
	f.Add(frame(wire.TypeNack, 0, 0, wire.AppendNack(nil, wire.Nack{Offset: 1, Delay: time.Second, Why: wire.NackWait})))
	f.Add(frame(wire.TypeSeek, 0, 0, wire.AppendSeek(nil, wire.Seek{Kind: wire.SeekTime, Value: 1})))
	f.Add(frame(wire.TypeState, 0, 0, wire.AppendState(nil, wire.State{Waiting: 1, Oldest: time.Unix(1, 1), Link: wire.StateLive})))
	f.Add(frame(wire.TypeGoAway, 0, 0, wire.AppendGoAway(nil, wire.GoAway{Max: time.Second, Why: wire.GoAwayDraining})))
	f.Add(frame(0x7f, wire.FlagOptional, 5, []byte("?")))
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := wire.ParseHeader(in)
		if err != nil {
			if h != (wire.Header{}) {
				t.Errorf("ParseHeader = %+v with error %v, want nothing", h, err)
			}
			return
		}
		if again := wire.AppendHeader(nil, h); !bytes.Equal(again, in[:wire.HeaderLen]) {
			t.Errorf("header % x encodes to % x", in[:wire.HeaderLen], again)
		}
		p := in[wire.HeaderLen:]
		if int(h.Length) != len(p) {
			return
		}
		again, has, err := encodeAgain(h, p)
		if has && err == nil && !bytes.Equal(again, p) {
			t.Errorf("type %#02x: % x encodes to % x", h.Type, p, again)
		}
	})
}

// FuzzGreeting: what decodes is within its limits and decodes again from its
// own encoding to the same value.
func FuzzGreeting(f *testing.F) {
	f.Add([]byte(`{"client":"hooks/1","instance":"0123456789abcdef0123456789abcdef","mode":"auto","limits":{"stream_window":262144}}`))
	f.Add([]byte(`{"relay":"1","url":"https://relay.example/t/a","name":"a","ping_s":15,"limits":{"streams":64}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		if h, err := wire.ParseHello(in); err == nil {
			if h.Limits.Stream < wire.MaxData || h.Limits.Link > wire.MaxCredit || h.Parallel > 64 {
				t.Errorf("ParseHello(%q) = %+v", in, h)
			}
			if p, err := wire.AppendHello(nil, h); err == nil {
				if _, err := wire.ParseHello(p[wire.HeaderLen:]); err != nil {
					t.Errorf("ParseHello of its own encoding %q: %v", p, err)
				}
			}
		}
		if w, err := wire.ParseWelcome(in); err == nil && (w.PingS < 1 || w.Limits.Stream < wire.MaxData) {
			t.Errorf("ParseWelcome(%q) = %+v", in, w)
		}
	})
}
