package wire_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A body whose bytes are not those that its digest was made of never looks
// whole, however it is read.
func TestDigestOfLiveBodies(t *testing.T) {
	t.Parallel()
	body := bytes.Repeat([]byte("0123456789"), 3000)
	end := func(flags wire.Flags, sum [32]byte) []byte {
		p, err := wire.AppendEnd(nil, &wire.End{Length: uint64(len(body)), Digest: sum})
		if err != nil {
			t.Fatal(err)
		}
		return frame(wire.TypeEnd, flags, 1, p)
	}
	for name, tt := range map[string]struct {
		end  []byte
		want error
	}{
		"right": {end(0, sha256.Sum256(body)), nil},
		"wrong": {end(0, sha256.Sum256(body[1:])), wire.ErrDigest},
		"none":  {end(wire.FlagNoDigest, [32]byte{}), nil},
	} {
		for way, read := range map[string]func(*wire.Stream) ([]byte, error){
			"read": func(s *wire.Stream) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{s}) },
			"write-to": func(s *wire.Stream) ([]byte, error) {
				var b bytes.Buffer
				_, err := s.WriteTo(&b)
				return b.Bytes(), err
			},
		} {
			t.Run(name+"-"+way, func(t *testing.T) {
				t.Parallel()
				rs, cs := sockets(t)
				opened := make(chan *wire.Stream, 1)
				l := wire.NewLink(cs, wire.Options{
					Role: wire.Client, Send: wire.DefaultWindows(), Recv: wire.DefaultWindows(), Shared: &wire.Shared{},
					Callbacks: wire.Callbacks{Open: func(s *wire.Stream, _ *wire.RequestHead, _ bool) { opened <- s }},
				})
				go l.Serve()
				go discardConn(rs.NetConn())
				head, err := wire.AppendRequestHead(nil, sampleHead())
				if err != nil {
					t.Fatal(err)
				}
				msgs := frame(wire.TypeOpen, 0, 1, head)
				for rest := body; len(rest) > 0; rest = rest[min(len(rest), wire.MaxData):] {
					msgs = append(msgs, frame(wire.TypeData, 0, 1, rest[:min(len(rest), wire.MaxData)])...)
				}
				if err := rs.WriteMessage(websocket.BinaryMessage, append(msgs, tt.end...)); err != nil {
					t.Fatal(err)
				}
				got, err := read(<-opened)
				if !errors.Is(err, tt.want) || !bytes.Equal(got, body) {
					t.Errorf("%d bytes, %v, want %d and %v", len(got), err, len(body), tt.want)
				}
				l.Close(wire.CloseDone, "")
				_ = rs.Close()
			})
		}
	}
}

// A body that is shorter than its head says arrives without a digest, and one
// that is as long as it says without the work for one.
func TestBodyShorterThanAnnounced(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1000, 300 << 10} {
		r, _ := pair(t, wire.Options{}, wire.Options{Callbacks: wire.Callbacks{Open: echo}})
		h, body := sampleHead(), random(1, size)
		h.Header.Set("Content-Length", "300000")
		s, err := r.Open(context.Background(), h, false, body[:500], false)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = s.Finish(body[500:]) }()
		if _, _, err := s.NextHead(); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, body) {
			t.Errorf("%d bytes of %d came back, %v", len(got), size, err)
		}
	}
}
