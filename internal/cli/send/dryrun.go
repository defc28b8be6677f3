package send

import (
	"context"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// dryRun prints the requests that would be sent.
func (s *sending) dryRun(ctx context.Context) error {
	drafts, err := s.compose()
	if err != nil {
		return err
	}
	s.announce()
	var out []*webhook.Delivery
	for _, draft := range drafts {
		now := s.env.Now()
		d, err := s.sign(draft, now)
		if err != nil {
			return err
		}
		d.ID, d.ReceivedAt = s.ids.New(now), now
		out = append(out, s.signer.Conceal(d))
	}
	return s.env.PrintRequests(ctx, out...)
}
