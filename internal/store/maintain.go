package store

import "context"

func (s *Store) maintain(ctx context.Context) { <-ctx.Done() }
