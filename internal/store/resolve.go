package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/webhook"
)

const (
	maxCandidates = 10     // that an AmbiguousError names
	maxSameEvent  = 1_000  // deliveries of one event that Resolve looks at
	shortLook     = 20_000 // deliveries that a beginning of one or two characters is looked for in
)

// Resolve finds the delivery that ref means: the id of a delivery, the id of
// an event, a beginning of either that fits only one, or "last". An event
// means its newest received delivery, else the newest sent; others are the
// rest of its deliveries, newest first. "last" is the newest received
// delivery, else the newest of all. The error is ErrNotFound, or an
// *AmbiguousError.
func (s *Store) Resolve(ctx context.Context, ref string) (id string, others []string, err error) {
	switch {
	case ref == "":
		return "", nil, fmt.Errorf("%w: empty id", ErrNotFound)
	case ref == "last":
		id, err = s.last(ctx)
		return id, nil, err
	}
	if id, others, err = s.resolveEvent(ctx, ref); err != nil || id != "" {
		return id, others, err
	}
	if strings.HasPrefix(strings.ToLower(ref), ids.Prefix) {
		id, err = s.resolveID(ctx, ref)
		if err == nil || !errors.Is(err, ErrNotFound) {
			return id, nil, err
		}
	}
	return s.resolveBeginning(ctx, ref)
}

func (s *Store) last(ctx context.Context) (string, error) {
	for _, q := range []Query{{Direction: webhook.Received, Limit: 1}, {Limit: 1}} {
		for p, err := range s.places(ctx, &q, &tally{}) {
			return idText(p.id), err
		}
	}
	return "", fmt.Errorf("%w: nothing is stored yet", ErrNotFound)
}

// resolveID finds a delivery by its id or the beginning of it.
func (s *Store) resolveID(ctx context.Context, ref string) (string, error) {
	body := strings.ToLower(ref)[len(ids.Prefix):]
	room := ids.Length - len(ids.Prefix) - len(body)
	if room < 0 {
		return "", fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	low, err1 := ids.Parse(ids.Prefix + body + strings.Repeat("0", room))
	high, err2 := ids.Parse(ids.Prefix + body + strings.Repeat("z", room))
	if body == "" {
		low, high, err1, err2 = ids.Raw{}, ids.Raw(bytes.Repeat([]byte{0xff}, 16)), nil, nil
	}
	if errors.Join(err1, err2) != nil {
		return "", fmt.Errorf("%w: %s", ErrNotFound, ref)
	}
	var list []string
	err := s.each(ctx, "SELECT id FROM delivery WHERE id >= ? AND id <= ? ORDER BY id DESC LIMIT ?",
		[]any{low[:], high[:], maxCandidates}, func(scan func(...any) error) error {
			var id []byte
			err := scan(&id)
			list = append(list, idText(id))
			return err
		})
	switch {
	case err != nil:
		return "", err
	case len(list) == 0:
		return "", fmt.Errorf("%w: %s", ErrNotFound, ref)
	case len(list) > 1:
		return "", &AmbiguousError{Ref: ref, Candidates: list}
	}
	return list[0], nil
}

// resolveEvent finds the deliveries of an event. It returns no id if there
// are none.
func (s *Store) resolveEvent(ctx context.Context, eventID string) (id string, others []string, err error) {
	st, err := s.state(ctx)
	if err != nil {
		return "", nil, err
	}
	key := int64(keyOf(st.salt, &webhook.Delivery{EventID: eventID}, nil))
	seqs, err := s.seqs(ctx, "SELECT seq FROM delivery WHERE seq > ? AND key = ? ORDER BY seq DESC LIMIT ?", st.indexed, key, maxSameEvent)
	if err != nil {
		return "", nil, err
	}
	older, err := s.seqs(ctx, "SELECT seq FROM by_key WHERE key = ? AND seq <= ? ORDER BY seq DESC LIMIT ?", key, st.indexed, maxSameEvent)
	if err != nil {
		return "", nil, err
	}
	var received, sent []string
	for _, seq := range append(seqs, older...) {
		d, err := s.load(ctx, place{seq: seq})
		switch {
		case isGone(err), isDamagedDelivery(err):
		case err != nil:
			return "", nil, err
		case d.EventID != eventID:
		case d.Direction == webhook.Received:
			received = append(received, d.ID)
		default:
			sent = append(sent, d.ID)
		}
	}
	newestFirst(received)
	newestFirst(sent)
	all := append(received, sent...)
	if len(all) == 0 {
		return "", nil, nil
	}
	others = all[1:]
	newestFirst(others)
	return all[0], others, nil
}

func newestFirst(list []string) {
	slices.SortFunc(list, func(a, b string) int { return strings.Compare(b, a) })
}

// resolveBeginning finds the event whose id begins with ref.
func (s *Store) resolveBeginning(ctx context.Context, ref string) (string, []string, error) {
	var events []string
	looked := 0
	short := len(trigrams(fold(ref))) == 0
	for seq, err := range s.candidates(ctx, fold(ref), "") {
		if err != nil {
			return "", nil, err
		}
		if looked++; short && looked > shortLook {
			break
		}
		d, err := s.load(ctx, place{seq: seq})
		if isGone(err) || isDamagedDelivery(err) {
			continue
		}
		if err != nil {
			return "", nil, err
		}
		if strings.HasPrefix(d.EventID, ref) && !slices.Contains(events, d.EventID) {
			if events = append(events, d.EventID); len(events) == maxCandidates {
				break
			}
		}
	}
	switch len(events) {
	case 0:
		return "", nil, fmt.Errorf("%w: %s", ErrNotFound, ref)
	case 1:
		return s.resolveEvent(ctx, events[0])
	}
	return "", nil, &AmbiguousError{Ref: ref, Candidates: events}
}
