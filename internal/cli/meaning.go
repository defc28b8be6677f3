package cli

import (
	"context"
	"errors"

	"github.com/hooks-cli/hooks/internal/config"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/workspace"
)

// meaning gives the errors of the packages below the status and hints that
// they have in every command. A command that knows better wraps its own.
func meaning(err error) (Status, []string) {
	var (
		unknownKey      *config.UnknownKeyError
		badSetting      *config.Error
		unknownProfile  *workspace.UnknownProfileError
		unknownProvider *provider.UnknownError
		unknownEvent    *provider.UnknownEventError
		badDefinition   *provider.InvalidError
		noSecret        *secret.NoSecretError
		unsafeSecret    *secret.UnsafeError
		ambiguous       *store.AmbiguousError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return Interrupt, nil
	case errors.As(err, &unknownProvider) && unknownProvider.Nearest == "":
		return StatusUsage, []string{"hooks providers list shows them"}
	case errors.As(err, &badSetting), errors.As(err, &badDefinition), errors.As(err, &ambiguous),
		errors.As(err, &unknownProvider), errors.As(err, &unknownEvent): // they name the nearest themselves
		return StatusUsage, nil
	case errors.As(err, &unknownKey):
		return StatusUsage, near(unknownKey.Nearest, "hooks help config shows the settings")
	case errors.As(err, &unknownProfile):
		return StatusUsage, near(unknownProfile.Nearest, "hooks config set KEY VALUE --profile "+unknownProfile.Name+" makes it")
	case errors.As(err, &noSecret):
		return StatusUsage, []string{
			"give --secret env:NAME, or keep it: hooks secrets set " + noSecret.Provider,
			"or send without a signature: --unsigned",
		}
	case errors.As(err, &unsafeSecret) && unsafeSecret.Fix != "":
		return StatusError, []string{unsafeSecret.Fix}
	case errors.Is(err, store.ErrNotFound):
		return StatusNo, nil
	}
	return StatusError, nil
}

func near(name, otherwise string) []string {
	if name != "" {
		return []string{"did you mean " + name + "?"}
	}
	return []string{otherwise}
}
