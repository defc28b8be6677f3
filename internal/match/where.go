package match

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Where compiles the short form of a filter, PATH=VALUE or PATH!=VALUE:
// data.order_id=1234. The path is one of package payload, so that [*] means
// any element. A value is compared with what a string says, with how a number,
// true, false or null is spelled, and numbers with numbers by their value.
// PATH!=VALUE is true as well where there is nothing.
func Where(expr string) (*Filter, error) {
	at := equals(expr)
	if at < 0 {
		return nil, fmt.Errorf("condition %q: write PATH=VALUE, as in data.order_id=1234", expr)
	}
	name, value, negated := expr[:at], expr[at+1:], false
	if strings.HasSuffix(name, "!") {
		name, negated = name[:len(name)-1], true
	}
	name = strings.TrimSpace(name)
	if name == "" {
		return nil, fmt.Errorf("condition %q has no path before the =", expr)
	}
	path, err := payload.ParsePath(strings.TrimPrefix(name, "."))
	if err != nil {
		return nil, fmt.Errorf("condition %q: %w", expr, err)
	}
	return &Filter{source: expr, eval: func(d *webhook.Delivery) (bool, error) {
		doc, err := document(d)
		if err != nil {
			return false, err
		}
		found, err := payload.Find(doc, path)
		if err != nil {
			return false, err
		}
		for _, v := range found[0].Values {
			if is(v, value) {
				return !negated, nil
			}
		}
		return negated, nil
	}}, nil
}

// equals returns the index of the first "=" that stands outside of a quoted
// name, or -1.
func equals(expr string) int {
	quote := byte(0)
	for i := 0; i < len(expr); i++ {
		switch c := expr[i]; {
		case quote != 0 && c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case i > 0 && expr[i-1] == '[' && (c == '"' || c == '\''):
			quote = c
		case c == '=':
			return i
		}
	}
	return -1
}

func is(v payload.Value, want string) bool {
	switch v.Kind {
	case payload.Absent:
		return false
	case payload.Null:
		return want == "null"
	case payload.Number:
		return string(v.Raw) == want || sameNumber(string(v.Raw), want)
	}
	return v.Text() == want
}

// sameNumber says whether two spellings mean one number. Numbers beyond what a
// float64 holds exactly are the same only if they are spelled the same.
func sameNumber(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && x == y && math.Abs(x) < 1<<53
}
