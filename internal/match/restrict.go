package match

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/itchyny/gojq"
)

// multiplyName is the function that stands in for "*": of a string it would
// make one of two gigabytes in a single step.
const multiplyName = "_multiply_within_limits"

// restrict refuses what a filter must not use, puts our own multiplication in
// the place of "*", and returns the names of all functions and variables.
func restrict(query *gojq.Query) (names map[string]bool, err error) {
	if len(query.Imports) > 0 {
		return nil, errors.New("modules are not available in filters")
	}
	names = map[string]bool{}
	walk(reflect.ValueOf(query), func(node any) {
		switch node := node.(type) {
		case *gojq.Func:
			names[node.Name] = true
		case *gojq.Query:
			limitMultiplication(node)
		}
	})
	for name := range names {
		if forbidden(name) {
			return nil, fmt.Errorf("%s is not available in filters", name)
		}
	}
	return names, nil
}

// forbidden says whether a function reaches beyond the delivery: to files, the
// environment, the input, the clock, the time zone, the end of the program.
func forbidden(name string) bool {
	switch name {
	case "input", "inputs", "input_filename", "input_line_number", "debug", "stderr",
		"env", "$ENV", "now", "localtime", "strflocaltime",
		"modulemeta", "get_search_list", "halt", "halt_error", "_multiply", multiplyName:
		return true
	}
	return false
}

// walk calls visit for every node of a syntax tree, children first.
func walk(v reflect.Value, visit func(node any)) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		walk(v.Elem(), visit)
		visit(v.Interface())
	case reflect.Struct:
		for _, field := range v.Fields() {
			walk(field, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), visit)
		}
	}
}

// limitMultiplication turns l * r into a call, and l *= r into what it is short
// for: r as $x | l |= . * $x.
func limitMultiplication(q *gojq.Query) {
	const factor = "$__factor"
	switch q.Op {
	case gojq.OpMul:
		q.Term, q.Left, q.Right, q.Op = call(multiplyName, q.Left, q.Right), nil, nil, 0
	case gojq.OpUpdateMul:
		product := &gojq.Query{Term: call(multiplyName,
			&gojq.Query{Term: &gojq.Term{Type: gojq.TermTypeIdentity}}, &gojq.Query{Term: call(factor)})}
		q.Right, q.Left, q.Op = &gojq.Query{Left: q.Left, Op: gojq.OpModify, Right: product}, q.Right, gojq.OpPipe
		q.Patterns = []*gojq.Pattern{{Name: factor}}
	}
}

func call(name string, args ...*gojq.Query) *gojq.Term {
	return &gojq.Term{Type: gojq.TermTypeFunc, Func: &gojq.Func{Name: name, Args: args}}
}
