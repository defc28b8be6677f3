package replay

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// chosen is a delivery that is to be sent again.
type chosen struct {
	delivery *webhook.Delivery
	stored   bool // attempts are recorded under it
}

// choose returns the deliveries that the command line means, in the order in
// which they are sent: as named, or as they came.
func choose(ctx context.Context, env *cli.Env, o Options) ([]chosen, error) {
	if len(o.IDs) == 0 {
		return selected(ctx, env, o)
	}
	var out []chosen
	for _, arg := range o.IDs {
		var more []chosen
		var err error
		switch {
		case arg == "-":
			more, err = fromStdin(ctx, env)
		case env.IsFile(arg):
			more, err = fromFile(ctx, env, arg)
		default:
			more, err = byID(ctx, env, arg)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	return out, nil
}

// selected returns what the flags mean, oldest first.
func selected(ctx context.Context, env *cli.Env, o Options) ([]chosen, error) {
	q, err := env.Query(&o.Selection)
	if err != nil {
		return nil, err
	}
	q.Limit = max(o.Last, o.Selection.Limit)
	if q.Direction == "" {
		q.Direction = webhook.Received
	}
	st, err := env.Workspace().Store(ctx)
	if err != nil {
		return nil, err
	}
	var out []chosen
	for d, err := range st.All(ctx, q) {
		var damaged *store.DamagedError
		switch {
		case errors.As(err, &damaged):
			env.Warn(err.Error() + "; it is left out")
		case err != nil:
			return nil, err
		default:
			out = append(out, chosen{d, true})
		}
	}
	slices.Reverse(out)
	if len(out) == 0 {
		return nil, cli.NoBecause(errors.New("no delivery matches"), "hooks events list shows what there is")
	}
	return out, nil
}

// byID returns the delivery that an id means.
func byID(ctx context.Context, env *cli.Env, ref string) ([]chosen, error) {
	d, err := env.Capture(ctx, ref)
	if err != nil {
		return nil, err
	}
	return []chosen{{d, true}}, nil
}

// fromStdin reads ids, separated by white space, or deliveries in JSON.
func fromStdin(ctx context.Context, env *cli.Env) ([]chosen, error) {
	if env.InTerminal {
		return nil, cli.Usage(errors.New("standard input is a terminal"), "pipe ids or deliveries: hooks events list --json | hooks replay -")
	}
	data, err := env.Stdin()
	if err != nil {
		return nil, err
	}
	text := bytes.TrimSpace(data)
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return fromText(ctx, env, "standard input", text)
	}
	var out []chosen
	for ref := range strings.FieldsSeq(string(text)) {
		more, err := byID(ctx, env, strings.Trim(ref, `"`)) // jq quotes them
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	if len(out) == 0 {
		return nil, cli.NoBecause(errors.New("standard input names no delivery"))
	}
	return out, nil
}

func fromFile(ctx context.Context, env *cli.Env, name string) ([]chosen, error) {
	data, err := env.File(name)
	if err != nil {
		return nil, err
	}
	return fromText(ctx, env, name, data)
}

// fromText reads requests. One that is in the store is taken from there: what
// was printed may have been masked. Where the others were delivered to is what
// the file's author says, and counts for nothing.
func fromText(ctx context.Context, env *cli.Env, name string, data []byte) ([]chosen, error) {
	ds, err := env.Requests(name, data)
	if err != nil {
		return nil, err
	}
	var out []chosen
	for _, d := range ds {
		if st, err := env.Workspace().Store(ctx); err == nil {
			if own, err := st.Get(ctx, d.ID); err == nil {
				out = append(out, chosen{own, true})
				continue
			}
		}
		out = append(out, chosen{d, false})
	}
	return out, nil
}
