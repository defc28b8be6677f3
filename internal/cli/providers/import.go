package providers

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/contract"
	"github.com/hooks-cli/hooks/internal/draft"
)

// ImportOptions is the command line of import, parsed.
type ImportOptions struct {
	File string
	ID   string // "" makes one of the document's title
	Name string // "" takes the document's title
	Like string // the provider that signs in the same way, "" for what the document says
	Place
}

func newImportCmd(env *cli.Env, run func(context.Context, *cli.Env, ImportOptions) error) *cobra.Command {
	var opts ImportOptions
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Make a definition of an OpenAPI or AsyncAPI document",
		Long: "Reads the webhooks and callbacks of an OpenAPI document (3.0, 3.1), or the messages of an AsyncAPI document (2, 3), and writes a " +
			"definition with their events, each with a sample made from its example or schema. What cannot be taken over is said. " +
			"References are followed within the document; nothing is fetched. Such a document does not say how deliveries are signed: --like names a provider that signs in the same way. - is standard input.",
		Example: "  $ hooks providers import openapi.yaml\n" +
			"  $ hooks providers import openapi.json --id acme --like stripe\n" +
			"  $ hooks providers import asyncapi.yaml -o acme.yaml",
		Args: cli.Args(1, 1, "an OpenAPI or AsyncAPI file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			opts.File = args[0]
			return run(cmd.Context(), env, opts)
		},
	}
	cmd.Flags().StringVar(&opts.ID, "id", "", "give the provider the id `ID` (default made from the title)")
	cmd.Flags().StringVar(&opts.Name, "name", "", "call it `NAME` (default the title)")
	cmd.Flags().StringVar(&opts.Like, "like", "", "sign as provider `P` does")
	opts.bind(cmd)
	env.CompleteProviders(cmd, "like")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the definition was written"},
		cli.Exit{Status: cli.StatusNo, When: "the document has no webhooks"},
		cli.Exit{Status: cli.StatusError, When: "a file could not be read or written"})
	return cmd
}

// RunImport makes a definition of a document.
func RunImport(ctx context.Context, env *cli.Env, opts ImportOptions) error {
	data, err := env.Input(opts.File)
	if err != nil {
		return err
	}
	doc, err := contract.Read(data)
	if err != nil {
		return cli.Usage(fmt.Errorf("%s: %w", opts.File, err))
	}
	if len(doc.Events) == 0 {
		for _, n := range doc.Notes {
			env.Say("%s: %s", opts.File, n)
		}
		return &cli.Error{Status: cli.StatusNo, Err: fmt.Errorf("%s: %s has no webhooks that could be taken over", opts.File, doc.Format)}
	}
	if opts.ID == "" {
		if opts.ID = draft.ID(doc.Title); opts.ID == "" {
			return cli.Usage(errors.New("the document has no title to make an id of"), "give one: --id acme")
		}
	}
	if err := checkID(env, opts.ID); err != nil {
		return err
	}
	model, err := modelOf(env, opts.Like)
	if err != nil {
		return err
	}
	definition, notes, err := draft.Contract(draft.Provider{ID: opts.ID, Name: opts.Name}, doc, model)
	if err != nil {
		return cli.Failed(fmt.Errorf("make a definition of %s: %w", opts.File, err))
	}
	list := make([]writtenNote, len(notes))
	for i, n := range notes {
		env.Say("%s: %s", opts.File, n)
		list[i] = writtenNote{n.Line, n.Text}
	}
	return write(ctx, env, opts.ID, definition, opts.Place, list)
}

// modelOf is the definition of a provider, nil for "".
func modelOf(env *cli.Env, id string) ([]byte, error) {
	if id == "" {
		return nil, nil
	}
	catalogue, err := env.Workspace().Catalogue()
	if err != nil {
		return nil, err
	}
	return catalogue.YAML(id)
}
