package deliver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
)

// reachEvery is how often WaitFor knocks.
const reachEvery = 50 * time.Millisecond

// WaitFor waits until something listens at rawURL, for at most limit. It
// returns nil then; the error says what the last try met. It only connects and
// sends nothing. ended, if not nil, breaks the wait off when it is closed.
func WaitFor(ctx context.Context, rawURL string, limit time.Duration, ended <-chan struct{}) error {
	u, err := parseURL(rawURL)
	if err != nil {
		return err
	}
	addr := address.HostPort(u)
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(reachEvery)
	defer tick.Stop()
	err = fmt.Errorf("no connection to %s", addr)
	for {
		var d net.Dialer
		c, derr := d.DialContext(limited, "tcp", addr)
		if derr == nil {
			return c.Close()
		}
		if limited.Err() == nil && !isTimeout(derr) {
			_, text := classify(derr, addr)
			err = errors.New(text)
		}
		select {
		case <-limited.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("waited %v: %w", limit, err)
		case <-ended:
			return err
		case <-tick.C:
		}
	}
}
