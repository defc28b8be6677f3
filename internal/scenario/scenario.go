// Package scenario reads and runs scenarios: events that are sent to an app in
// their order, what it has to answer, and what it has to send itself because
// of them.
//
// Reading is strict: every mistake in a file is found before anything is sent,
// and told with its line and column. Running reaches the world only through
// what it is given, prints nothing and returns what happened.
package scenario

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/outgoing"
)

// A Place is where something stands in a file, counted from 1.
type Place struct{ Line, Column int }

// A Problem is one mistake in a file.
type Problem struct {
	File string
	Place
	Message string
}

// Error writes FILE:LINE:COLUMN: MESSAGE.
func (p *Problem) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// A Scenario is one document of a file.
type Scenario struct {
	File string
	Name string
	at   Place

	to, provider, secret Text
	timeout              time.Duration
	vars                 []variable
	Steps                []*Step
}

type variable struct {
	name  string
	value Text
}

// Receives says whether the scenario needs a listener: it waits for captures, or
// names the address.
func (s *Scenario) Receives() bool {
	texts := []*Text{&s.to, &s.provider, &s.secret}
	for i := range s.vars {
		texts = append(texts, &s.vars[i].value)
	}
	for _, st := range s.Steps {
		if st.receive != nil {
			return true
		}
		texts = append(texts, st.texts...)
	}
	return slices.ContainsFunc(texts, func(t *Text) bool { return t.links(rootListen) })
}

// Variables returns the names in vars.
func (s *Scenario) Variables() []string {
	var names []string
	for _, v := range s.vars {
		names = append(names, v.name)
	}
	return names
}

// A Step is one thing that a scenario does. Exactly one of its kinds is set.
type Step struct {
	Name string
	At   Place
	as   string // the name by which later steps call it, "" for none

	send    *send
	request *request
	receive *receive
	wait    time.Duration

	expect *answer // of send and request
	texts  []*Text // all that can hold links
}

// send is what hooks send does, in the words of its flags.
type send struct {
	types                    []Text
	provider, to, secret     Text
	hasProvider, hasSecret   bool
	data                     *document
	edits                    []edit
	id, timestamp            Text
	age                      time.Duration
	seed                     *int64
	headers                  []header
	fault                    outgoing.Fault
	unsigned, chunked        bool
	duplicate                int
	shuffle, together, retry bool
	timeScale                float64
	slow, timeout            time.Duration
}

// An edit changes a field of a body.
type edit struct {
	path   string
	value  *document
	create bool
	at     Place
}

type header struct {
	name  string
	value Text
}

// request is a plain HTTP request, not signed.
type request struct {
	method  string
	url     Text
	headers []header
	data    *document
	timeout time.Duration
	until   time.Duration // ask again for so long until the answer is the expected one
}

// receive waits for captures.
type receive struct {
	pattern     Text
	provider    string
	least, most int // most is negative for no limit
	verified    bool
	conditions  conditions
	within      time.Duration
	after       string // the name of a step whose captures have to come before
	at          Place
}

// conditions on a payload, all of which have to hold.
type conditions struct {
	where  []where
	filter *Text
	at     Place
}

type where struct {
	path  string
	not   bool
	value Text
}

// answer is what is expected of an answer.
type answer struct {
	status     func(int) bool // nil: 2xx, of send only
	statusText string
	statusAt   Place
	body       []bodyTest
	conditions conditions
	headers    []headerTest
	within     time.Duration
	withinAt   Place
}

// A bodyTest looks at a body as text.
type bodyTest struct {
	how  string // equals, contains, matches
	want Text
}

type headerTest struct {
	name string
	want Text
}

// Names of all that a file may say, for the nearest right one.
func words(list string) []string { return strings.Fields(list) }
