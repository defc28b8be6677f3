package scenario

import (
	"context"
	"slices"

	"github.com/hooks-cli/hooks/internal/expect"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A pool has all captures of a scenario in their order. A capture that a step
// received is not received again by a later one.
type pool struct {
	src    expect.Source // nil: nothing is captured
	all    []pooled
	passed map[string]int // by step: behind the captures that it received
}

type pooled struct {
	d       *webhook.Delivery
	claimed bool
}

// discard leaves out what came before the scenario began.
func (p *pool) discard(ctx context.Context) error {
	for p.src != nil {
		d, err := p.src.Poll(ctx)
		if d == nil || err != nil {
			return err
		}
	}
	return nil
}

// from returns the captures behind those that the step received, all of them
// for "".
func (p *pool) from(step string) *reading { return &reading{pool: p, next: p.passed[step]} }

// claim takes captures for a step.
func (p *pool) claim(step string, ds []*webhook.Delivery) {
	for i := range p.all {
		if slices.Contains(ds, p.all[i].d) {
			p.all[i].claimed = true
			p.passed[step] = i + 1
		}
	}
	p.passed[""] = 0 // a step without a name is none to come after
}

// reading is a pool from some place on.
type reading struct {
	pool *pool
	next int
}

func (r *reading) ready() *webhook.Delivery {
	for ; r.next < len(r.pool.all); r.next++ {
		if one := r.pool.all[r.next]; !one.claimed {
			r.next++
			return one.d
		}
	}
	return nil
}

func (r *reading) add(d *webhook.Delivery) *webhook.Delivery {
	r.pool.all = append(r.pool.all, pooled{d: d})
	return r.ready()
}

// Next waits for the next capture that nobody has received.
func (r *reading) Next(ctx context.Context) (*webhook.Delivery, error) {
	if d := r.ready(); d != nil {
		return d, nil
	}
	d, err := r.pool.src.Next(ctx)
	if err != nil {
		return nil, err
	}
	return r.add(d), nil
}

// Poll is Next that does not wait.
func (r *reading) Poll(ctx context.Context) (*webhook.Delivery, error) {
	if d := r.ready(); d != nil {
		return d, nil
	}
	d, err := r.pool.src.Poll(ctx)
	if d == nil || err != nil {
		return nil, err
	}
	return r.add(d), nil
}
