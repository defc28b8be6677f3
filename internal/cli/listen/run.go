package listen

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// drainTime is how long what is in flight may take after Ctrl-C.
const drainTime = 10 * time.Second

// Run listens until ctx ends, then finishes what is in flight and says what was
// received.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	l, err := prepare(ctx, env, o)
	if err != nil {
		return err
	}
	if l.client != nil {
		defer l.client.Close()
	}
	if env.Getenv("GOMEMLIMIT") == "" {
		defer debug.SetMemoryLimit(debug.SetMemoryLimit(capture.HeapLimit + 4*max(0, l.maxBody()-intake.Defaults().Body)))
	}
	ctx, broken := context.WithCancelCause(ctx)
	defer broken(nil)
	l.show.broken = broken
	defer env.Announce(ctx, l.store, cli.PlaceOf(l.at, l.listeners))()
	served := make(chan error, 1)
	go func() { served <- l.front.Serve(l.listeners...) }()
	var work sync.WaitGroup
	work.Go(func() { l.pipeline.Redeliver(ctx) })
	l.greet(ctx)
	tunnelled := make(chan error, 1)
	if l.reach != nil {
		work.Go(func() { tunnelled <- l.reach.Run(ctx) })
	}
	select {
	case err = <-served:
	case err = <-tunnelled:
		err = l.place.Ended(err)
	case <-ctx.Done():
	}
	broken(nil)
	l.drain(ctx)
	work.Wait()
	l.pipeline.Close()
	l.summarise()
	if cause := context.Cause(ctx); err == nil && l.show.failed {
		err = cause
	}
	return err
}

func (l *listening) maxBody() int64 { return l.front.Limits.Body }

// greet says where to deliver to, and what to type next.
func (l *listening) greet(ctx context.Context) {
	at := l.where()
	if l.env.Global.WantsJSON() {
		l.show.write(l.env.JSONLine(ctx, at))
	}
	if l.o.Durability == "relaxed" {
		l.env.Warn("--durability relaxed: a power failure may take captures that were answered with 200")
	}
	switch {
	case l.at.Loopback() && intake.InContainer(l.env.Getenv):
		l.env.Say("this is a container: %s is reached from inside it only, 0.0.0.0:%s through a published port", at.Address, port(at))
	case !l.at.Loopback():
		l.env.Say("listening on %s: other machines can reach it", at.Address)
	}
	if l.env.Global.WantsJSON() {
		return
	}
	l.env.Say("listening on %s", at.URL)
	for _, t := range l.targets() {
		l.env.Say("forwarding to %s", t)
	}
	l.env.Say("send a first event from another terminal: %s", l.suggestion(at))
	l.env.Say("Ctrl-C ends it")
}

func port(at ready) string { return at.Address[strings.LastIndexByte(at.Address, ':')+1:] }

func (l *listening) targets() []string {
	if l.pipeline.Forward == nil {
		return nil
	}
	var out []string
	for _, t := range l.pipeline.Forward.Targets {
		out = append(out, safetext.CleanURL(t.URL.String()))
	}
	return out
}

// suggestion is the command that sends something here. It finds port 3000 by
// itself.
func (l *listening) suggestion(at ready) string {
	event, name, path := "render.completed", "", "/webhooks/canvelete"
	if p := l.judge.Provider; p != nil && len(p.Events) > 0 {
		event, name, path = p.Events[0].Type, " --provider "+p.ID, p.Delivery.Path
	}
	line := "hooks send --event " + event + name
	if at.URL != "http://127.0.0.1:3000" {
		line += " " + at.URL + path
	}
	return line
}

// drain lets what is in flight come to its end, for a while.
func (l *listening) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	defer context.AfterFunc(ctx, l.pipeline.Abort)()
	if err := l.front.Shutdown(ctx); err != nil {
		l.env.Warn("requests that were still in flight after " + drainTime.String() + " were cut off")
	}
}

// summarise says what was received.
func (l *listening) summarise() {
	c := l.pipeline.Counts()
	n := c.Received.Load()
	text := "received nothing"
	if n > 0 {
		text = "received " + count(n, "delivery", "deliveries") + ": " + list(
			some(c.Verified.Load(), "verified"), some(c.Invalid.Load(), "invalid"), some(c.Unverified.Load(), "not judged"),
		)
	}
	parts := []string{
		text,
		count(c.Duplicates.Load(), "duplicate", "duplicates"),
		count(c.Forwarded.Load(), "attempt taken by the app", "attempts taken by the app"),
		count(c.Failed.Load(), "attempt failed", "attempts failed"),
		some(c.NotStored.Load(), "not stored"), l.refusals(),
	}
	l.env.Say("%s", strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; "))
}

// refusals counts what was refused, by reason.
func (l *listening) refusals() string {
	counts := l.front.Counts()
	var total int64
	var parts []string
	for reason, n := range counts {
		total += n
		parts = append(parts, some(n, string(reason)))
	}
	if total == 0 {
		return ""
	}
	slices.Sort(parts)
	return some(total, "refused") + " (" + list(parts...) + ")"
}

func some(n int64, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s %s", safetext.Thousands(int(n)), what)
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return some(n, many)
}

func list(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), ", ")
}
