package emulate

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// listDeliveries returns the deliveries that q means, newest first. q's filter
// judges the status; here only those are read that can have it.
func (s *Server) listDeliveries(ctx context.Context, status string, q store.Query) (store.Page, error) {
	switch status {
	case pendingStatus:
		return s.listPending(ctx, q)
	case droppedStatus, canceledStatus:
		q.Failed = true
		return s.store.List(ctx, q)
	case failedStatus:
		return s.listFailed(ctx, q)
	}
	return s.store.List(ctx, q)
}

// listPending reads what is to be attempted again, which is known by id.
func (s *Server) listPending(ctx context.Context, q store.Query) (store.Page, error) {
	s.mu.Lock()
	list := make([]string, 0, len(s.pending))
	for id := range s.pending {
		if q.Before == "" || id < q.Before {
			list = append(list, id)
		}
	}
	s.mu.Unlock()
	slices.Sort(list)
	var page store.Page
	for _, id := range slices.Backward(list) {
		d, err := s.store.Get(ctx, id)
		var damaged *store.DamagedError
		switch {
		case errors.As(err, &damaged):
			page.Damaged = append(page.Damaged, damaged)
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return page, err
		case q.Provider != "" && d.Provider != q.Provider, !q.Pattern(d.Provider, d.EventType), !q.Filter(d):
		case len(page.Deliveries) == q.Limit:
			page.More = true
			return page, nil
		default:
			page.Deliveries = append(page.Deliveries, d)
		}
	}
	return page, nil
}

// listFailed reads what the store knows to have failed, for want of a 2xx, and
// everything from the providers for whom some 2xx is a failure too.
func (s *Server) listFailed(ctx context.Context, q store.Query) (store.Page, error) {
	failed, strict := q, q
	failed.Failed = true
	page, err := s.store.List(ctx, failed)
	if err != nil {
		return page, err
	}
	known := map[string]bool{}
	strict.Pattern = func(provider, eventType string) bool {
		is, ok := known[provider]
		if !ok {
			p, err := s.cfg.Catalogue.Get(provider)
			is = err == nil && !p.Delivery.SucceedsAlways()
			known[provider] = is
		}
		return is && q.Pattern(provider, eventType)
	}
	more, err := s.store.List(ctx, strict)
	if err != nil {
		return page, err
	}
	all := append(page.Deliveries, more.Deliveries...)
	slices.SortFunc(all, func(a, b *webhook.Delivery) int { return cmp.Compare(b.ID, a.ID) })
	all = slices.CompactFunc(all, func(a, b *webhook.Delivery) bool { return a.ID == b.ID })
	page.More = page.More || more.More || len(all) > q.Limit
	page.Deliveries = all[:min(len(all), q.Limit)]
	return page, nil
}
