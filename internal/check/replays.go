package check

import (
	"context"
	"fmt"
	"time"
)

const (
	// effectWait is how long an app may take to do what a delivery asks for
	// after it has answered, and effectSettle how long a second effect is
	// waited for.
	effectWait   = 5 * time.Second
	effectSettle = 500 * time.Millisecond
	effectLook   = 50 * time.Millisecond
)

// runReplays sends one event twice and counts what comes of it.
func runReplays(ctx context.Context, r *run) finding {
	if r.o.Effects == nil {
		return notRun("nothing counts the effects: --probe COMMAND or --probe-url URL does")
	}
	before, err := r.steady(ctx)
	if err != nil {
		return failed("the probe failed: "+err.Error(), "")
	}
	shots, err := makeReplay(r.kit)
	if err != nil {
		return notRun(err.Error())
	}
	for i := range shots {
		if a := r.send(ctx, &shots[i]); !accepted(&a) {
			return failed(shots[i].name+": "+r.words(&a), shots[i].line)
		}
	}
	n, err := r.settled(ctx, before)
	switch {
	case err != nil:
		return failed("the probe failed: "+err.Error(), shots[0].line)
	case n == 1:
		return passed("one effect of two deliveries", shots[0].line)
	case n == 0:
		return failed(fmt.Sprintf("no effect was counted within %s", took(effectWait)), shots[0].line)
	}
	return failed(fmt.Sprintf("%d effects of one event that was delivered twice", n), shots[0].line)
}

// steady counts the effects when those of earlier requests have come: an app
// may well answer first and work afterwards.
func (r *run) steady(ctx context.Context) (int, error) {
	limited, cancel := context.WithTimeout(ctx, effectWait)
	defer cancel()
	n, err := r.o.Effects(ctx)
	for err == nil {
		select {
		case <-limited.Done():
			return n, ctx.Err()
		case <-time.After(effectSettle):
		}
		last := n
		if n, err = r.o.Effects(ctx); n == last {
			break
		}
	}
	return n, err
}

// makeReplay makes one event and delivers it twice, as a provider does that
// missed the first answer: the second time with a fresh signature.
func makeReplay(k *kit) ([]shot, error) {
	d, err := k.sample()
	if err != nil {
		return nil, err
	}
	line := k.sendLine(k.typ, "--duplicate 1")
	out := make([]shot, 2)
	for i, name := range []string{"the first time", "the second time"} {
		signed, err := k.sign(k.signer, d)
		if err != nil {
			return nil, err
		}
		out[i] = shot{name: name, delivery: signed, line: line}
	}
	return out, nil
}

// settled counts effects until there was one and no other came for a while.
func (r *run) settled(ctx context.Context, before int) (int, error) {
	limited, cancel := context.WithTimeout(ctx, effectWait)
	defer cancel()
	tick := time.NewTicker(effectLook)
	defer tick.Stop()
	var calm <-chan time.Time
	n := 0
	for {
		now, err := r.o.Effects(limited)
		if err != nil && limited.Err() == nil {
			return 0, err
		}
		if err == nil {
			n = now - before
		}
		if n > 1 {
			return n, nil
		}
		if n == 1 && calm == nil {
			calm = time.After(effectSettle)
		}
		select {
		case <-limited.Done():
			return n, ctx.Err()
		case <-calm:
			last, err := r.o.Effects(ctx)
			return last - before, err
		case <-tick.C:
		}
	}
}
