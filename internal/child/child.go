// Package child runs the command that stands behind "--" on a command line:
// an app under test that is started before the work and stopped after it. It
// interprets no shell syntax and keeps none of the child's output.
package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// grace is how long a child may take to end once it has been asked to.
const grace = 5 * time.Second

// A Command is what to run.
type Command struct {
	Args []string // the program and its arguments
	Dir  string
	Env  []string  // in addition to the environment of this process
	Out  io.Writer // takes both of its outputs; must be safe for concurrent use
}

// A Process is a running child. Its methods are safe for concurrent use.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error // of Wait; set before done is closed
}

// Start starts c. Stop must be called when the work is over, whether or not
// the child has ended by itself.
func Start(c Command) (*Process, error) {
	if len(c.Args) == 0 {
		return nil, errors.New("no command behind --")
	}
	// Not bound to a context: a child is asked to end before it is made to.
	cmd := exec.CommandContext(context.Background(), c.Args[0], c.Args[1:]...)
	cmd.Dir = c.Dir
	cmd.Env = append(cmd.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = c.Out, c.Out
	cmd.WaitDelay = time.Second // a grandchild may hold the outputs open
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		if lookup, ok := errors.AsType[*exec.Error](err); ok {
			err = lookup.Err
		}
		return nil, fmt.Errorf("start %s: %w", c.Args[0], err)
	}
	p := &Process{cmd: cmd, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// Done is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended says how the child ended by itself; it must not be called before Done
// is closed.
func (p *Process) Ended() error {
	<-p.done
	name := p.cmd.Path
	if len(p.cmd.Args) > 0 {
		name = p.cmd.Args[0]
	}
	if p.err == nil {
		return fmt.Errorf("%s has ended", name)
	}
	return fmt.Errorf("%s has ended: %w", name, p.err)
}

// Wait waits for the child to end, or for ctx, and returns its exit status.
// A child that a signal ended, or that could not be waited for, has -1.
func (p *Process) Wait(ctx context.Context) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	}
}

// Stop asks the child and whatever it started to end, makes them end five
// seconds later, and returns when the child is gone.
func (p *Process) Stop() {
	select {
	case <-p.done:
		return // its group's number may belong to others by now
	default:
	}
	terminate(p.cmd)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		kill(p.cmd)
		<-p.done
	}
}
