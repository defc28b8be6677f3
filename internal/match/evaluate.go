package match

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"time"

	"github.com/itchyny/gojq"
)

type outcome struct {
	ok  bool
	err error
}

// run evaluates the expression within its limits. It works in a goroutine of
// its own, which ends with it, except where a built-in function does not look
// up in time: then the goroutine is abandoned until that function returns.
func (f *Filter) run(in input) (bool, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	done := make(chan outcome, 1)
	go func() { done <- f.evaluate(ctx, in) }()

	watch := time.NewTicker(watchEvery)
	defer watch.Stop()
	before := heap()
	for left := TimeLimit; ; {
		select {
		case o := <-done:
			return o.ok, o.err
		case <-ctx.Done():
			return false, f.giveUp(context.Cause(ctx), done)
		case <-watch.C:
			// A look that comes late counts as one: while the machine stood still
			// or had no time for this process, the expression had none either.
			left -= watchEvery
			switch {
			case heap() > before+maxGrowth:
				cancel(fmt.Errorf("the filter needs more than %d MiB", maxGrowth>>20))
			case left <= 0:
				cancel(fmt.Errorf("the filter took longer than %v", TimeLimit))
			}
		}
	}
}

// giveUp waits a moment for an evaluation that has been told to end, and
// abandons it if it does not.
func (f *Filter) giveUp(cause error, done <-chan outcome) error {
	grace := time.NewTimer(watchEvery)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		select {
		case f.abandoned <- struct{}{}:
			go func() {
				<-done
				<-f.abandoned
			}()
		default: // others are waited for already: Match refuses to begin more
		}
	}
	return cause
}

// evaluate says whether any result is neither false nor null.
func (f *Filter) evaluate(ctx context.Context, in input) (o outcome) {
	defer func() {
		if r := recover(); r != nil {
			o = outcome{err: fmt.Errorf("the filter failed: %v", r)}
		}
	}()
	payload, err := decode(in.payload)
	if err != nil {
		return outcome{err: err}
	}
	var delivery any
	if in.delivery != nil {
		if delivery, err = decode(in.delivery); err != nil {
			return outcome{err: err}
		}
	}
	for iter := f.code.RunWithContext(ctx, payload, delivery); ; {
		switch v, ok := iter.Next(); v := v.(type) {
		case error:
			if ctx.Err() != nil {
				v = context.Cause(ctx)
			}
			return outcome{err: v}
		case bool:
			if v {
				return outcome{ok: true}
			}
			if !ok {
				return outcome{}
			}
		case nil:
			if !ok {
				return outcome{}
			}
		default:
			return outcome{ok: ok}
		}
	}
}

// heap returns how many bytes live, or have lived since the last collection.
func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}

// compile makes the code of a query that has passed restrict.
func compile(query *gojq.Query) (*gojq.Code, error) {
	multiply, err := gojq.Parse("$l * $r")
	if err != nil {
		return nil, err
	}
	product, err := gojq.Compile(multiply, gojq.WithVariables([]string{"$l", "$r"}))
	if err != nil {
		return nil, err
	}
	return gojq.Compile(query,
		gojq.WithVariables([]string{"$delivery"}),
		gojq.WithFunction(multiplyName, 2, 2, func(_ any, args []any) any {
			if repeats(args[0], args[1]) || repeats(args[1], args[0]) {
				return errors.New("a repeated string would exceed 4 MiB")
			}
			v, _ := product.Run(nil, args[0], args[1]).Next()
			return v
		}))
}

// repeats says whether text times n is a string that is too long.
func repeats(text, n any) bool {
	s, ok := text.(string)
	if !ok {
		return false
	}
	times, ok := gojq.ToFloat64(n)
	return ok && float64(len(s))*times > MaxInput
}
