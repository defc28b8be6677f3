package relay

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/relay"
)

// A keeper is where the tokens of a relay are.
type keeper interface {
	where() string
	list(ctx context.Context) ([]*relay.Token, error) // in the order of their making
	add(ctx context.Context, t *relay.Token) error
	remove(ctx context.Context, id string) (removed int, err error)
	close()
}

// open finds the keeper that the command line means.
func (o *TokenOptions) open(ctx context.Context, env *cli.Env) (keeper, error) {
	path := tokensPath(env, o.Tokens, o.DataDir)
	switch {
	case o.NATS.URL != "" && path != "":
		return nil, cli.Usagef("--nats excludes --tokens and --data-dir")
	case o.NATS.URL != "":
		c, err := o.NATS.connect(ctx, env, cluster.Config{Node: "token"})
		if err != nil {
			return nil, err
		}
		return &sharedKeeper{c}, nil
	case path == "":
		return nil, cli.Usage(errors.New("which relay's tokens?"), "give --tokens FILE, --data-dir DIR or --nats URL, as the relay has it")
	}
	return &fileKeeper{path: path, made: o.Tokens == ""}, nil
}

// A fileKeeper is a token file.
type fileKeeper struct {
	path string
	made bool // with its folder, if need be
}

func (k *fileKeeper) where() string { return k.path }

func (k *fileKeeper) close() {}

func (k *fileKeeper) list(context.Context) ([]*relay.Token, error) {
	list, err := relay.ReadTokens(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, err
}

func (k *fileKeeper) add(_ context.Context, t *relay.Token) error {
	if k.made {
		if err := os.MkdirAll(filepath.Dir(k.path), 0o700); err != nil {
			return err
		}
	}
	return relay.AddToken(k.path, t)
}

func (k *fileKeeper) remove(_ context.Context, id string) (int, error) {
	removed, err := relay.RemoveToken(k.path, id)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	return removed, err
}

// A sharedKeeper is the store that relays share.
type sharedKeeper struct{ c *cluster.Cluster }

func (k *sharedKeeper) where() string { return "the relays' store" }

func (k *sharedKeeper) close() { _ = k.c.Close() } // nothing waits to be written

func (k *sharedKeeper) list(ctx context.Context) ([]*relay.Token, error) {
	return relay.ReadSharedTokens(ctx, k.c)
}

func (k *sharedKeeper) add(ctx context.Context, t *relay.Token) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return k.c.PutToken(ctx, t.ID, b)
}

func (k *sharedKeeper) remove(ctx context.Context, id string) (int, error) {
	list, err := k.list(ctx)
	if err != nil {
		return 0, err
	}
	removed := 0
	for _, t := range list {
		if t.ID != id && t.Label != id {
			continue
		}
		if err := k.c.DeleteToken(ctx, t.ID); err != nil {
			return removed, err
		}
		removed++
	}
	return removed, nil
}
