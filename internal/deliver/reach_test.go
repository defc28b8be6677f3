package deliver_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/address/addresstest"
	"github.com/hooks-cli/hooks/internal/deliver"
)

func TestWaitFor(t *testing.T) {
	t.Parallel()
	port, err := addresstest.Port()
	if err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort("127.0.0.1", port)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := deliver.WaitFor(t.Context(), "http://"+addr, time.Minute, nil); err != nil {
		t.Errorf("a port that is open: %v", err)
	}
	_ = l.Close()
	err = deliver.WaitFor(t.Context(), "http://"+addr, time.Second, nil)
	if err == nil || !strings.Contains(err.Error(), "connection refused by "+addr) {
		t.Errorf("a port that stays closed: %v", err)
	}
	late := make(chan error, 1)
	go func() { late <- deliver.WaitFor(t.Context(), "http://"+addr, time.Minute, nil) }()
	if l, err = net.Listen("tcp", addr); err != nil {
		t.Fatal(err)
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
