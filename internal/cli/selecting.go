package cli

import (
	"slices"

	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Query returns a selection in the form that the store takes. A delivery on
// which an expression fails does not match; why is told once.
func (e *Env) Query(s *Selection) (store.Query, error) {
	if err := s.Check(); err != nil {
		return store.Query{}, err
	}
	q := store.Query{Direction: webhook.Direction(s.Direction), Failed: s.Failed}
	var err error
	if q.Since, q.Until, err = s.Times(e.Now()); err != nil {
		return store.Query{}, err
	}
	switch {
	case s.Verified:
		q.Statuses = []webhook.Status{webhook.Verified}
	case s.Invalid:
		q.Statuses = []webhook.Status{webhook.Invalid, webhook.Unsigned}
	}
	if q.Provider, q.Pattern, err = e.pattern(s); err != nil {
		return store.Query{}, err
	}
	q.Filter, err = e.filter(s)
	return q, err
}

// pattern puts --provider and --event together. A single provider is left to
// the store, which finds it faster.
func (e *Env) pattern(s *Selection) (provider string, fits func(provider, eventType string) bool, err error) {
	catalogue, err := e.Workspace().Catalogue()
	if err != nil {
		return "", nil, err
	}
	for _, id := range s.Providers {
		if _, err := catalogue.Get(id); err != nil {
			return "", nil, err
		}
	}
	var patterns []match.Pattern
	for _, text := range s.Events {
		p, err := match.Parse(text, catalogue.Has)
		if err != nil {
			return "", nil, Usagef("--event: %w", err)
		}
		patterns = append(patterns, p)
	}
	providers := s.Providers
	if len(providers) == 1 {
		provider, providers = providers[0], nil
	}
	if len(patterns) == 0 && len(providers) == 0 {
		return provider, nil, nil
	}
	return provider, func(provider, eventType string) bool {
		return (len(providers) == 0 || slices.Contains(providers, provider)) &&
			(len(patterns) == 0 || slices.ContainsFunc(patterns, func(p match.Pattern) bool { return p.Match(provider, eventType) }))
	}, nil
}

// filter puts --filter and --where together.
func (e *Env) filter(s *Selection) (func(*webhook.Delivery) bool, error) {
	var filters []*match.Filter
	if s.Filter != "" {
		f, err := match.Compile(s.Filter)
		if err != nil {
			return nil, Usagef("--filter: %w", err)
		}
		filters = append(filters, f)
	}
	for _, text := range s.Where {
		f, err := match.Where(text)
		if err != nil {
			return nil, Usagef("--where: %w", err)
		}
		filters = append(filters, f)
	}
	if len(filters) == 0 {
		return nil, nil
	}
	told := map[string]bool{}
	return func(d *webhook.Delivery) bool {
		for _, f := range filters {
			ok, note := f.Match(d)
			if note != "" && !told[note] {
				told[note] = true
				e.Say("%s does not match: %s", d.ID, note)
			}
			if !ok {
				return false
			}
		}
		return true
	}, nil
}
