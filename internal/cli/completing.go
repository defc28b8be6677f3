package cli

import (
	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/store"
)

// CompleteProviders makes completions offer the names of providers for a flag
// of cmd.
func (e *Env) CompleteProviders(cmd *cobra.Command, flag string) {
	CompleteFlagFunc(cmd, flag, func(string) []string { return e.fromCatalogue((*provider.Catalogue).IDs) })
}

// CompleteEvents makes completions offer types of events for a flag of cmd.
func (e *Env) CompleteEvents(cmd *cobra.Command, flag string) {
	CompleteFlagFunc(cmd, flag, func(string) []string { return e.fromCatalogue((*provider.Catalogue).EventTypes) })
}

// CompleteTypes offers types of events for the first argument.
func (e *Env) CompleteTypes(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	return e.fromCatalogue((*provider.Catalogue).EventTypes), cobra.ShellCompDirectiveNoFileComp
}

func (e *Env) fromCatalogue(list func(*provider.Catalogue) []string) []string {
	catalogue, err := e.Workspace().Catalogue()
	if err != nil {
		return nil
	}
	return list(catalogue)
}

// completedIDs is how many deliveries completions offer.
const completedIDs = 50

// CompleteIDs offers the ids of the newest deliveries, each with what it is. A
// store that does not exist is not made for that.
func (e *Env) CompleteIDs(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	ctx := cmd.Context()
	st, err := e.Workspace().OpenStore(ctx, func(o *store.Options) { o.NoCreate = true })
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	page, err := st.List(ctx, store.Query{Limit: completedIDs})
	if err != nil {
		return nil, cobra.ShellCompDirectiveDefault
	}
	out := []cobra.Completion{cobra.CompletionWithDesc("last", "the newest")}
	for _, d := range page.Deliveries {
		what := d.Provider + " " + d.EventType
		if d.EventID != "" {
			out = append(out, cobra.CompletionWithDesc(d.EventID, what))
		}
		out = append(out, cobra.CompletionWithDesc(d.ID, what))
	}
	return out, cobra.ShellCompDirectiveKeepOrder
}
