// Package endpoints is `hooks endpoints`: a client of the APIs with which
// providers, and the emulator, let endpoints be registered.
package endpoints

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/endpoint"
)

// Options is the command line of any of the commands, parsed.
type Options struct {
	Verb     endpoint.Verb
	Provider string
	APIURL   string
	Key      string

	ID     string
	URL    string
	Events []string
	Secret string
	Active bool
	Limit  int

	HasURL, HasSecret, HasActive bool

	SaveSecret bool
	Tunnel     bool
	Relay      cli.Relay
}

const long = `An endpoint is registered with the API of its provider, or with hooks emulate, which has the same calls: --api-url http://127.0.0.1:4000. Through the emulator every provider has endpoints, also those that are registered in a dashboard otherwise.

The key of an API is HOOKS_API_KEY_PROVIDER, HOOKS_API_KEY, what hooks secrets set PROVIDER-api-key keeps, or --api-key as env:NAME, @FILE or -. It is never an argument.

What an API answers is shown as it came: --json prints its own JSON, and an error its own words.`

// NewCmd returns the command with its own commands.
func NewCmd(env *cli.Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "endpoints",
		Short: "Register endpoints with a provider's API, real or emulated",
		Long:  long,
		Example: "  $ hooks endpoints create https://app.example.com/webhooks --provider sketchpen --event video.completed\n" +
			"  $ hooks endpoints list --provider sketchpen\n" +
			"  $ hooks endpoints create :3000/webhook --provider generic --event user.created --api-url :4000",
	}
	cmd.AddCommand(
		newCreateCmd(env, Run), newListCmd(env, Run), newGetCmd(env, Run), newUpdateCmd(env, Run),
		newDeleteCmd(env, Run), newTestCmd(env, Run), newDeliveriesCmd(env, Run),
	)
	return cmd
}

type runner func(context.Context, *cli.Env, Options) error

// general declares what all of the commands have.
func general(env *cli.Env, cmd *cobra.Command, o *Options, done string, run runner) {
	fs := cmd.Flags()
	fs.StringVar(&o.Provider, "provider", "", "the provider's `NAME`")
	fs.StringVar(&o.APIURL, "api-url", "", "call the API at `URL`: that of hooks emulate, or another than the provider's; else HOOKS_API_URL")
	fs.StringVar(&o.Key, "api-key", "", "the API's `KEY`: env:NAME, @FILE or -")
	env.CompleteProviders(cmd, "provider")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		changed := cmd.Flags().Changed
		o.HasURL, o.HasSecret, o.HasActive = changed("url"), changed("secret"), changed("active")
		switch {
		case o.Verb == endpoint.Create:
			o.URL, o.HasURL = args[0], true
		case len(args) > 0:
			if o.ID = args[0]; o.ID == "" { // the path would be that of all endpoints
				return cli.Usage(errors.New("the id of the endpoint is empty"), "hooks endpoints list shows them")
			}
		}
		if err := o.check(changed); err != nil {
			return err
		}
		return run(cmd.Context(), env, *o)
	}
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: done},
		cli.Exit{Status: cli.StatusNo, When: "the API refused"},
		cli.Exit{Status: cli.StatusError, When: "the API could not be reached, or failed"})
}

func (o *Options) check(changed func(string) bool) error {
	switch {
	case o.Key != "" && cli.IsLiteral(o.Key):
		return cli.Usage(errors.New("--api-key takes no key as it stands: other users of the machine could read it"),
			"give --api-key env:NAME, @FILE or -, or keep it: hooks secrets set PROVIDER-api-key")
	case o.Verb == endpoint.Create && !o.Tunnel && (changed("relay") || changed("token") || changed("name")):
		return cli.Usage(errors.New("--relay, --token and --name belong to a tunnel"), "add --tunnel")
	case o.Verb == endpoint.Update && !o.HasURL && !o.HasSecret && !o.HasActive && len(o.Events) == 0:
		return cli.Usage(errors.New("nothing is to be changed"), "give --url, --event, --secret or --active=false")
	case changed("limit") && o.Limit < 1:
		return cli.Usagef("--limit %d is not above 0", o.Limit)
	}
	return nil
}

func newCreateCmd(env *cli.Env, run runner) *cobra.Command {
	o := Options{Verb: endpoint.Create}
	cmd := &cobra.Command{
		Use:   "create URL",
		Short: "Register an endpoint",
		Long: "Registers URL for events, and prints what the API answers, the signing secret included, which it may never show again; --save-secret keeps it for hooks listen, verify and send.\n\n" +
			"With --tunnel, URL is an app on this machine: its public address through a relay is registered, and removed again at the end.",
		Example: "  $ hooks endpoints create https://app.example.com/webhooks --provider sketchpen --event video.completed --save-secret\n" +
			"  $ hooks endpoints create :3000/webhook --provider generic --event user.created --api-url :4000\n" +
			"  $ hooks endpoints create 3000 --tunnel --provider sketchpen --event video.completed",
		Args: cli.Args(1, 1, "a URL"),
	}
	o.fields(env, cmd)
	cmd.Flags().BoolVar(&o.Active, "active", true, "--active=false registers it so that it gets nothing yet")
	cmd.Flags().BoolVar(&o.SaveSecret, "save-secret", false, "keep the secret of the answer as the provider's")
	cmd.Flags().BoolVar(&o.Tunnel, "tunnel", false, "register the public URL of a tunnel to URL, until Ctrl-C")
	o.Relay.Bind(cmd)
	cli.Streams(cmd)
	general(env, cmd, &o, "it is registered; with --tunnel, and was removed again", run)
	return cmd
}

// fields declares what an endpoint is made of.
func (o *Options) fields(env *cli.Env, cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&o.Events, "event", "e", nil, "register for events of `TYPE` (repeatable)")
	cmd.Flags().StringVar(&o.Secret, "secret", "", "sign with secret `S`: env:NAME, @FILE or -, instead of one that the API makes")
	env.CompleteEvents(cmd, "event")
}

func newListCmd(env *cli.Env, run runner) *cobra.Command {
	o := Options{Verb: endpoint.List}
	cmd := &cobra.Command{
		Use: "list", Short: "List the endpoints that are registered",
		Example: "  $ hooks endpoints list --provider sketchpen\n  $ hooks endpoints list --provider loopcanvas --api-url :4000 --json",
		Args:    cli.NoArgs,
	}
	general(env, cmd, &o, "they were printed, if there are none too", run)
	return cmd
}

func newGetCmd(env *cli.Env, run runner) *cobra.Command {
	o := Options{Verb: endpoint.Get}
	cmd := &cobra.Command{
		Use: "get ID", Short: "Show an endpoint, with its secret if the API tells it",
		Example: "  $ hooks endpoints get hook_123 --provider generic --api-url :4000" +
			"\n  $ hooks endpoints get hook_123 --provider generic --api-url :4000 --json",
		Args: cli.Args(1, 1, "the id of an endpoint"),
	}
	cmd.Flags().BoolVar(&o.SaveSecret, "save-secret", false, "keep the secret of the answer as the provider's")
	general(env, cmd, &o, "it was printed", run)
	return cmd
}

func newUpdateCmd(env *cli.Env, run runner) *cobra.Command {
	o := Options{Verb: endpoint.Update}
	cmd := &cobra.Command{
		Use: "update ID", Short: "Change an endpoint",
		Example: "  $ hooks endpoints update hook_123 --active=false --provider generic --api-url :4000" +
			"\n  $ hooks endpoints update hook_123 --event user.created --provider generic --api-url :4000",
		Args: cli.Args(1, 1, "the id of an endpoint"),
	}
	cmd.Flags().StringVar(&o.URL, "url", "", "deliver to `URL`")
	o.fields(env, cmd)
	cmd.Flags().BoolVar(&o.Active, "active", true, "--active=false lets it get nothing")
	general(env, cmd, &o, "it was changed", run)
	return cmd
}

func newDeleteCmd(env *cli.Env, run runner) *cobra.Command {
	o := Options{Verb: endpoint.Delete}
	cmd := &cobra.Command{
		Use: "delete ID", Short: "Remove an endpoint",
		Example: "  $ hooks endpoints delete hook_123 --provider generic --api-url :4000" +
			"\n  $ hooks endpoints delete hook_123 --provider sketchpen",
		Args: cli.Args(1, 1, "the id of an endpoint"),
	}
	general(env, cmd, &o, "it is gone", run)
	return cmd
}

func newTestCmd(env *cli.Env, run runner) *cobra.Command {
	o := Options{Verb: endpoint.Test}
	cmd := &cobra.Command{
		Use: "test ID", Short: "Have the API send a test event to an endpoint",
		Example: "  $ hooks endpoints test hook_123 --provider generic --api-url :4000" +
			"\n  $ hooks endpoints test hook_123 --provider generic --api-url :4000 --json",
		Args: cli.Args(1, 1, "the id of an endpoint"),
	}
	cmd.Flags().StringArrayVarP(&o.Events, "event", "e", nil, "an event of `TYPE`; the emulator asks for it where the endpoint is for many")
	env.CompleteEvents(cmd, "event")
	general(env, cmd, &o, "the API took it on", run)
	return cmd
}

func newDeliveriesCmd(env *cli.Env, run runner) *cobra.Command {
	o := Options{Verb: endpoint.Deliveries}
	cmd := &cobra.Command{
		Use: "deliveries ID", Short: "List what was delivered to an endpoint",
		Example: "  $ hooks endpoints deliveries hook_123 --provider generic --api-url :4000" +
			"\n  $ hooks endpoints deliveries hook_123 --provider generic --api-url :4000 --json",
		Args: cli.Args(1, 1, "the id of an endpoint"),
	}
	cmd.Flags().IntVarP(&o.Limit, "limit", "n", 50, "list at most `N`")
	general(env, cmd, &o, "they were printed, if there are none too", run)
	return cmd
}
