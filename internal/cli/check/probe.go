package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/child"
	"github.com/hooks-cli/hooks/internal/cli"
)

// maxProbe is how much a probe may say.
const maxProbe = 4 << 10

// counter sets what counts the effects of deliveries.
func (c *checking) counter() error {
	switch {
	case c.o.Probe != "":
		c.options.Effects = c.probeCommand
	case c.o.ProbeURL != "":
		u, err := address.ParseURL(c.o.ProbeURL)
		if err != nil {
			return cli.Usagef("--probe-url: %w", err)
		}
		c.options.Effects = func(ctx context.Context) (int, error) { return probeURL(ctx, c.env.HTTP, u.String()) }
	}
	return nil
}

// probeCommand runs a line of the shell that prints a number.
func (c *checking) probeCommand(ctx context.Context) (int, error) {
	var out output
	p, err := child.Start(child.Command{Args: shell(c.env, c.o.Probe), Dir: c.env.Dir, Out: &out})
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	status, err := p.Wait(ctx)
	switch {
	case err != nil:
		return 0, err
	case status != 0:
		return 0, fmt.Errorf("%q ended with %d: %s", c.o.Probe, status, out.line())
	}
	lines := strings.Split(out.line(), "\n")
	return number(lines[len(lines)-1]) // in front of it may stand a warning
}

// shell is how the shell of the system runs a line.
func shell(env *cli.Env, line string) []string {
	if env.GOOS == "windows" {
		return []string{"cmd", "/C", line}
	}
	return []string{"sh", "-c", line}
}

// probeURL asks an address that answers a number.
func probeURL(ctx context.Context, client *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxProbe))
	switch {
	case err != nil:
		return 0, err
	case resp.StatusCode != http.StatusOK:
		return 0, errors.New("it answered " + resp.Status)
	}
	return number(string(text))
}

func number(text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("%.100q is not a number", strings.TrimSpace(text))
	}
	return n, nil
}

// An output keeps the beginning of what a command prints.
type output struct {
	mu sync.Mutex // guards the following
	b  bytes.Buffer
}

// Write keeps p, as far as there is room.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(p[:min(len(p), max(0, maxProbe-o.b.Len()))])
	return len(p), nil
}

func (o *output) line() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(o.b.String())
}
