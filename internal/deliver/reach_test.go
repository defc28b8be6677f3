package deliver_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
)

func TestWaitFor(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := deliver.WaitFor(t.Context(), "http://"+addr, time.Minute, nil); err != nil {
		t.Errorf("a port that is open: %v", err)
	}
	_ = l.Close()
	err = deliver.WaitFor(t.Context(), "http://"+addr, 20*time.Millisecond, nil)
	if err == nil || !strings.Contains(err.Error(), "connection refused by "+addr) {
		t.Errorf("a port that stays closed: %v", err)
	}
	late := make(chan error, 1)
	go func() { late <- deliver.WaitFor(t.Context(), "http://"+addr, time.Minute, nil) }()
	if l, err = net.Listen("tcp", addr); err != nil {
		t.Skip("the port was taken meanwhile: ", err)
	}
	defer l.Close()
	if err := <-late; err != nil {
		t.Errorf("a port that opens late: %v", err)
	}
}

func TestWaitForIsBrokenOff(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	close(ended)
	if err := deliver.WaitFor(t.Context(), "http://127.0.0.1:1", time.Minute, ended); err == nil {
		t.Error("what was waited for has ended, and the wait was a success")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := deliver.WaitFor(ctx, "http://127.0.0.1:1", time.Minute, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v, want that of the context", err)
	}
}
