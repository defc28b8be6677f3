package outgoing

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
)

// ErrNoEvent is returned by Choose where neither a type nor a body is given.
var ErrNoEvent = errors.New("no event is named")

// ErrUnknownBody is returned by Choose for a body that shows no event of any
// provider.
var ErrUnknownBody = errors.New("the body is no event that any provider sends")

// An UnknownTypeError says that no provider sends such an event. Nearest is
// the one that was probably meant, or "".
type UnknownTypeError struct {
	Types   []string
	Nearest string
}

// Error names the types and the nearest one.
func (e *UnknownTypeError) Error() string {
	text := fmt.Sprintf("no provider sends the event %q", strings.Join(e.Types, ", "))
	if len(e.Types) > 1 {
		text = fmt.Sprintf("no provider sends all of the events %s", strings.Join(e.Types, ", "))
	}
	if e.Nearest != "" {
		text += "; did you mean " + e.Nearest + "?"
	}
	return text
}

// Choose returns the providers that send events of all the given types, or the
// event that data is, the one that is meant first: one that has a secret of its
// own, else the first by the rank of the catalogue.
func Choose(c *provider.Catalogue, types []string, data []byte, hasOwnSecret func(id string) bool) ([]string, error) {
	var ids []string
	switch {
	case len(types) > 0:
		if ids = sendersOf(c, types); len(ids) == 0 {
			return nil, unknownTypes(c, types)
		}
	case data != nil:
		if ids = sendersOfBody(c, data); len(ids) == 0 {
			return nil, ErrUnknownBody
		}
	default:
		return nil, ErrNoEvent
	}
	if len(ids) > 1 {
		if i := slices.IndexFunc(ids, hasOwnSecret); i > 0 {
			own := ids[i]
			ids = slices.Insert(slices.Delete(ids, i, i+1), 0, own)
		}
	}
	return ids, nil
}

func sendersOf(c *provider.Catalogue, types []string) []string {
	ids := c.IDsForEvent(types[0])
	for _, t := range types[1:] {
		also := c.IDsForEvent(t)
		ids = slices.DeleteFunc(ids, func(id string) bool { return !slices.Contains(also, id) })
	}
	return ids
}

func unknownTypes(c *provider.Catalogue, types []string) error {
	for _, t := range types {
		if len(c.IDsForEvent(t)) == 0 {
			return &UnknownTypeError{Types: []string{t}, Nearest: c.NearestEvent(t)}
		}
	}
	return &UnknownTypeError{Types: types}
}

// sendersOfBody finds the providers for which one of the texts at the top of a
// JSON body is the type of an event.
func sendersOfBody(c *provider.Catalogue, data []byte) []string {
	var ids []string
	for _, name := range payload.Names(data) {
		text := payload.FindOne(data, payload.Path{}.Key(name)).Text()
		for _, id := range c.IDsForEvent(text) {
			p, err := c.Get(id)
			if err == nil && !slices.Contains(ids, id) && Describe(p, nil, data).EventType == text {
				ids = append(ids, id)
			}
		}
	}
	slices.SortStableFunc(ids, func(a, b string) int { return rank(c, a) - rank(c, b) })
	return ids
}

func rank(c *provider.Catalogue, id string) int { return slices.Index(c.IDs(), id) }

// Edits reads the values of --set, which change fields, and of --set-new,
// which may add them.
func Edits(set, setNew []string) ([]payload.Edit, error) {
	var edits []payload.Edit
	for i, text := range append(slices.Clone(set), setNew...) {
		e, err := payload.ParseEdit(text, i >= len(set))
		if err != nil {
			return nil, err
		}
		edits = append(edits, e)
	}
	return edits, nil
}
