package match

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/itchyny/gojq"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// TimeLimit is how long an expression may work on one delivery.
const TimeLimit = 250 * time.Millisecond

const (
	// maxSource is how long an expression may be.
	maxSource = 16 << 10
	// maxGrowth is how much the memory of the program may grow while an
	// expression works, and watchEvery how often that is looked at.
	maxGrowth  = 128 << 20
	watchEvery = 10 * time.Millisecond
	// maxAbandoned is how many evaluations of one filter may go on after they
	// were given up. Only a single call of a built-in function can: between
	// calls the time is looked at.
	maxAbandoned = 2
)

// A Filter is a condition on a delivery, compiled. It is safe for concurrent
// use.
type Filter struct {
	source string
	eval   func(d *webhook.Delivery) (bool, error) // of Where: it is always quick

	code         *gojq.Code
	wantDelivery bool          // the expression names $delivery
	abandoned    chan struct{} // holds a token for each abandoned evaluation
}

// Compile compiles a jq expression. It sees the payload as its input and the
// delivery's JSON as $delivery; the delivery matches if any of its results is
// neither false nor null. Functions that reach files, the environment, the
// input or the clock are not available to it.
func Compile(jq string) (*Filter, error) {
	if strings.TrimSpace(jq) == "" {
		return nil, errors.New("the filter is empty")
	}
	if len(jq) > maxSource {
		return nil, fmt.Errorf("the filter is longer than %d KiB", maxSource>>10)
	}
	query, err := gojq.Parse(jq)
	if err != nil {
		return nil, fmt.Errorf("filter %q: %w", jq, err)
	}
	names, err := restrict(query)
	if err != nil {
		return nil, fmt.Errorf("filter %q: %w", jq, err)
	}
	code, err := compile(query)
	if err != nil {
		return nil, fmt.Errorf("filter %q: %w", jq, err)
	}
	return &Filter{
		source: jq, code: code, wantDelivery: names["$delivery"], abandoned: make(chan struct{}, maxAbandoned),
	}, nil
}

// String returns the filter as it was typed.
func (f *Filter) String() string { return f.source }

// Match says whether d matches. Where that cannot be told, because a limit was
// reached or the expression fails on this payload, it does not match and note
// says why, on one line that can be printed.
func (f *Filter) Match(d *webhook.Delivery) (ok bool, note string) {
	ok, err := f.match(d)
	if err != nil {
		return false, safetext.Line("no match: " + err.Error())
	}
	return ok, ""
}

func (f *Filter) match(d *webhook.Delivery) (bool, error) {
	if f.eval != nil {
		return f.eval(d)
	}
	if len(f.abandoned) == maxAbandoned {
		return false, errors.New("the filter is still busy with earlier deliveries")
	}
	var in input
	var err error
	if in.payload, err = document(d); err != nil {
		return false, err
	}
	if f.wantDelivery {
		if in.delivery, err = deliveryJSON(d); err != nil {
			return false, err
		}
	}
	return f.run(in)
}

// An input is what an expression sees, as JSON. It is decoded within the time
// limit, in the goroutine that may be abandoned.
type input struct {
	payload  []byte
	delivery []byte // nil where the expression does not name it
}

func deliveryJSON(d *webhook.Delivery) ([]byte, error) {
	size := len(d.Body)
	for _, a := range d.Attempts {
		if a.Response != nil {
			size += len(a.Response.Body)
		}
	}
	if size > MaxInput {
		return nil, errors.New("the delivery is larger than 4 MiB")
	}
	return json.Marshal(d)
}

// decode keeps the digits of numbers as they are.
func decode(doc []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("read the payload: %w", err)
	}
	return v, nil
}
