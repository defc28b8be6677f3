package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// TokenOptions is the command line of `hooks relay token …`, parsed.
type TokenOptions struct {
	Tokens  string
	DataDir string
	NATS    NATSOptions
	Label   string
	Names   []string
	Rate    float64
	Expires time.Duration
	ID      string
}

func newToken(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use: "token", Short: "Make, list and revoke the tokens of a relay",
		Example: "  $ hooks relay token create --tokens tokens.json --label laptop\n" +
			"  $ hooks relay token list --tokens tokens.json",
	}
	cmd.AddCommand(newCreate(env), newList(env), newRevoke(env))
	return cmd
}

func bindFile(cmd *cobra.Command, o *TokenOptions) {
	cmd.Flags().StringVar(&o.Tokens, "tokens", "", "the token `FILE` of the relay")
	cmd.Flags().StringVar(&o.DataDir, "data-dir", "", "the data directory `DIR` of the relay: tokens.json in it")
	o.NATS.bind(cmd)
}

func newCreate(env *cli.Env) *cobra.Command {
	var o TokenOptions
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a token and print it, once",
		Long:  "The file keeps only a hash: the token is printed now and can never be shown again. A running relay accepts it within seconds.",
		Example: "  $ hooks relay token create --tokens tokens.json --label laptop\n" +
			"  $ hooks relay token create --data-dir /var/lib/hooks-relay --names 'shop-*' --expires 90d",
		Args: cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return create(cmd.Context(), env, o) },
	}
	bindFile(cmd, &o)
	cmd.Flags().StringVar(&o.Label, "label", "", "a `TEXT` to know it by")
	cmd.Flags().StringSliceVar(&o.Names, "names", nil, "only for tunnels called `NAME`; * stands for any characters (repeatable)")
	cmd.Flags().Float64Var(&o.Rate, "rate", 0, "at most `N` requests a second for each of its tunnels; 0: as many as the relay allows")
	cli.Duration(cmd.Flags(), &o.Expires, "expires", 0, "valid for `DURATION`; without it for ever")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the token was made"},
		cli.Exit{Status: cli.StatusError, When: "the file cannot be read or written, or others can"},
	)
	return cmd
}

// created is the JSON of create: the one place where the token is in.
type created struct {
	listed
	Token string `json:"token"`
}

func create(ctx context.Context, env *cli.Env, o TokenOptions) error {
	for _, pattern := range o.Names {
		if plain := strings.ReplaceAll(pattern, "*", "aaa"); !relay.ValidName(plain) {
			return cli.Usagef("--names: %q is no name for a tunnel: 3 to 63 of the characters a-z, 0-9 and -", pattern)
		}
	}
	if !(o.Rate >= 0) || math.IsInf(o.Rate, 1) {
		return cli.Usagef("--rate is a number of requests, 0 or more")
	}
	secret, token, err := relay.MintToken(env.Rand, env.Now())
	if err != nil {
		return cli.Failed(err)
	}
	token.Label, token.Names, token.Rate = o.Label, o.Names, o.Rate
	if o.Expires > 0 {
		at := token.CreatedAt.Add(o.Expires)
		token.ExpiresAt = &at
	}
	keeper, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer keeper.close()
	if err := keeper.add(ctx, token); err != nil {
		return tokenError(err)
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, created{describe(token, env.Now()), secret.Reveal()})
	}
	if _, err := io.WriteString(env.Out, secret.Reveal()+"\n"); err != nil {
		return cli.Failed(err)
	}
	env.Say("token %s added to %s; it is not shown again", token.ID, keeper.where())
	return nil
}

func tokenError(err error) error {
	if errors.Is(err, relay.ErrTokenFile) {
		return cli.Usage(err)
	}
	return cli.Failed(err)
}

func newList(env *cli.Env) *cobra.Command {
	var o TokenOptions
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the tokens of a relay, without the tokens themselves",
		Example: "  $ hooks relay token list --tokens tokens.json\n  $ hooks relay token list --data-dir /var/lib/hooks-relay --json",
		Args:    cli.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return list(cmd.Context(), env, o) },
	}
	bindFile(cmd, &o)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the tokens were listed, if there are any"},
		cli.Exit{Status: cli.StatusError, When: "the file cannot be read, or others can read it"},
	)
	return cmd
}

// listed is a token in JSON: nothing that would help to guess it.
type listed struct {
	ID        string   `json:"id"`
	Label     string   `json:"label"`
	Names     []string `json:"names"`
	Rate      float64  `json:"rate,omitempty"`
	CreatedAt string   `json:"created_at"`
	ExpiresAt *string  `json:"expires_at"`
	Expired   bool     `json:"expired"`
}

func describe(t *relay.Token, now time.Time) listed {
	l := listed{ID: t.ID, Label: t.Label, Names: append([]string{}, t.Names...), Rate: t.Rate, CreatedAt: webhook.FormatTime(t.CreatedAt)}
	if t.ExpiresAt != nil {
		at := webhook.FormatTime(*t.ExpiresAt)
		l.ExpiresAt, l.Expired = &at, !now.Before(*t.ExpiresAt)
	}
	return l
}

func list(ctx context.Context, env *cli.Env, o TokenOptions) error {
	keeper, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer keeper.close()
	tokens, err := keeper.list(ctx)
	if err != nil {
		return tokenError(err)
	}
	out := []listed{}
	for i := len(tokens) - 1; i >= 0; i-- { // newest first
		out = append(out, describe(tokens[i], env.Now()))
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, out)
	}
	if len(out) == 0 {
		env.Say("no tokens in %s", keeper.where())
		return nil
	}
	rows := [][]string{{"ID", "LABEL", "NAMES", "CREATED", "EXPIRES"}}
	for i, l := range out {
		t := tokens[len(tokens)-1-i]
		expires := "never"
		if t.ExpiresAt != nil {
			expires = t.ExpiresAt.UTC().Format(time.DateTime)
			if l.Expired {
				expires += " (expired)"
			}
		}
		rows = append(rows, []string{l.ID, or(l.Label), or(strings.Join(l.Names, ",")), t.CreatedAt.UTC().Format(time.DateTime), expires})
	}
	return env.Columns(rows)
}

func or(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func newRevoke(env *cli.Env) *cobra.Command {
	var o TokenOptions
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Take a token back, by its id or label",
		Long:  "A running relay closes the tunnels of the token within seconds. A label takes back every token that has it. The names that belong to it stay taken until they have been unused for 30 days.",
		Example: "  $ hooks relay token revoke tok_5f0c1a2b3c4d --tokens tokens.json\n" +
			"  $ hooks relay token revoke tok_5f0c1a2b3c4d --data-dir /var/lib/hooks-relay",
		Args: cli.Args(1, 1, "the id or label of a token"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.ID = args[0]; o.ID == "" { // as from a variable that is not set
				return cli.Usage(errors.New("the id of the token is empty"), "hooks relay token list shows them")
			}
			return revoke(cmd.Context(), env, o)
		},
	}
	bindFile(cmd, &o)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the token was taken back"},
		cli.Exit{Status: cli.StatusNo, When: "there is no such token"},
		cli.Exit{Status: cli.StatusError, When: "the file cannot be read or written, or others can"},
	)
	return cmd
}

func revoke(ctx context.Context, env *cli.Env, o TokenOptions) error {
	keeper, err := o.open(ctx, env)
	if err != nil {
		return err
	}
	defer keeper.close()
	switch n, err := keeper.remove(ctx, o.ID); {
	case err != nil:
		return tokenError(err)
	case n == 0:
		return cli.NoBecause(fmt.Errorf("no token %q in %s", o.ID, keeper.where()), "hooks relay token list shows them")
	case n > 1:
		env.Say("%d tokens with the label %s revoked", n, o.ID)
	default:
		env.Say("token %s revoked", o.ID)
	}
	return nil
}
