// Package match decides which deliveries are meant: by patterns of event
// types, by values in their payload, by jq expressions.
//
// An expression may come from a file that somebody else wrote, and a payload
// from anyone, so evaluation is bounded in time and input and reaches neither
// files nor environment nor clock. The package changes nothing and prints
// nothing.
package match

import (
	"errors"
	"fmt"
	"strings"
)

// A Pattern says which events are meant: event types in which "*" stands for
// anything, dots included; providers; a provider and a type ("github:push").
// A comma means or. The zero Pattern matches every event. A Pattern is
// immutable.
type Pattern struct {
	source       string
	alternatives []alternative
}

// An alternative matches where all that is set does.
type alternative struct {
	provider string // "" for any, else with "*"
	glob     string // of the event type
	either   string // the whole text, if it may be a provider or a type
}

// Parse reads a pattern; isProvider says which names are providers, nil that
// none is. A name before a colon that is no provider belongs to the event type,
// as in repo:push. The empty text is the zero Pattern.
func Parse(s string, isProvider func(name string) bool) (Pattern, error) {
	if strings.TrimSpace(s) == "" {
		return Pattern{}, nil
	}
	p := Pattern{source: s}
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			return Pattern{}, fmt.Errorf("pattern %q: a part between commas is empty", s)
		}
		a, err := parseAlternative(part, isProvider)
		if err != nil {
			return Pattern{}, fmt.Errorf("pattern %q: %w", s, err)
		}
		p.alternatives = append(p.alternatives, a)
	}
	return p, nil
}

func parseAlternative(part string, isProvider func(string) bool) (alternative, error) {
	known := func(name string) bool { return isProvider != nil && isProvider(name) }
	provider, glob, ok := strings.Cut(part, ":")
	switch {
	case ok && (provider == "*" || known(provider)):
		if glob == "" {
			return alternative{}, errors.New("no event type follows the colon")
		}
		return alternative{provider: provider, glob: glob}, nil
	case !ok && known(part):
		return alternative{either: part}, nil
	}
	return alternative{glob: part}, nil
}

// String returns the pattern as it was typed.
func (p Pattern) String() string { return p.source }

// All says whether the pattern is the zero one, which matches every event.
func (p Pattern) All() bool { return len(p.alternatives) == 0 }

// Match says whether an event of this provider and type is meant. Either may
// be "", if it is not known.
func (p Pattern) Match(provider, eventType string) bool {
	if p.All() {
		return true
	}
	for _, a := range p.alternatives {
		switch {
		case a.either != "":
			if provider == a.either || eventType == a.either {
				return true
			}
		case (a.provider == "" || a.provider == "*" || a.provider == provider) && glob(a.glob, eventType):
			return true
		}
	}
	return false
}

// glob says whether all of s is what pattern describes, where "*" stands for
// any text. It looks back to the last star only, so that its work is bounded
// by the product of both lengths.
func glob(pattern, s string) bool {
	star, mark := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
