package judge

import (
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
)

// An Outcome is what judging a delivery showed beyond its verdict, which is in
// the delivery itself.
type Outcome struct {
	// Candidates are the providers that fit, where several do and no secret
	// decided between them.
	Candidates []string

	// Ambiguous lists facts about the event that another parser could read
	// otherwise.
	Ambiguous []payload.Ambiguity

	// Order tells the event's place among those of the provider; zero if
	// nothing does.
	Order time.Time

	// Development says that nothing but the development secret was known for
	// the provider.
	Development bool

	// Direct says that the request came straight from this machine, through no
	// proxy or tunnel.
	Direct bool

	// Problem says why a secret could not be read or used. It holds no part of
	// the secret.
	Problem error
}
