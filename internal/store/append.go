package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// rowOverhead is roughly what a delivery takes on disk besides its texts.
const rowOverhead = 256

// Append stores d and returns when it is on disk. Deliveries of concurrent
// callers share a commit. It sets d.DuplicateOf to the first received delivery
// that carried the same event, found in the same transaction: the same event
// id of the same provider, or the same body where the provider gives no id.
// Attempts and an answer that d already has are stored with it.
//
// An error means that nothing of d was kept: ErrExists, ErrNoSpace,
// ErrStoreFull, ErrIO, ErrBusy, ErrReadOnly, a *FileError, or that of ctx if
// it ended before d's turn came.
func (s *Store) Append(ctx context.Context, d *webhook.Delivery) error {
	in, err := s.incoming(d)
	if err != nil {
		return err
	}
	var dup string
	err = s.do(ctx, in.size(), func(tx *transaction) error {
		var err error
		dup, err = in.insert(tx)
		return err
	})
	return in.end(dup, err)
}

// AppendAll does what Append does for each of ds, in their order and with one
// commit. It returns as many outcomes: one that is refused does not keep the
// others out.
func (s *Store) AppendAll(ctx context.Context, ds []*webhook.Delivery) []error {
	out, dups := make([]error, len(ds)), make([]string, len(ds))
	list := make([]*incoming, len(ds))
	size := 0
	for i, d := range ds {
		if list[i], out[i] = s.incoming(d); list[i] != nil {
			size += list[i].size()
		}
	}
	if size == 0 { // nothing that can be stored
		return out
	}
	err := s.do(ctx, size, func(tx *transaction) error { return insertAll(tx, list, dups, out) })
	for i, in := range list {
		switch {
		case in == nil:
		case err != nil:
			out[i] = in.end("", err)
		default:
			out[i] = in.end(dups[i], out[i])
		}
	}
	return out
}

// insertAll inserts what is in list, nil for what cannot be stored. It leaves
// what each repeats in dups, and in out why one was refused.
func insertAll(tx *transaction, list []*incoming, dups []string, out []error) error {
	for i, in := range list {
		if in == nil {
			continue
		}
		dup, err := in.insert(tx)
		var r refusal
		if err != nil && !errors.As(err, &r) {
			return err
		}
		dups[i], out[i] = dup, r.error
	}
	return nil
}

// An incoming is a delivery, encoded by its caller so that the transaction has
// nothing to do but insert.
type incoming struct {
	delivery *webhook.Delivery
	id       []byte
	known    []byte // id of the delivery that it is said to repeat
	sum      [sha256.Size]byte
	record   []byte
	attempts []*recordWriter
	facet    facet
	skew     int64 // how far its id is ahead of the time it was received, ms
}

// incoming encodes d.
func (s *Store) incoming(d *webhook.Delivery) (*incoming, error) {
	id, err := ids.Parse(d.ID)
	if err != nil {
		return nil, fmt.Errorf("store delivery: %w", err)
	}
	in := &incoming{
		delivery: d, id: id[:], sum: sha256.Sum256(d.Body),
		record: encodeDelivery(s.dict, d, id[:]), facet: facetOf(d),
		skew: id.Time().Sub(d.ReceivedAt.Truncate(time.Millisecond)).Milliseconds(),
	}
	if raw, err := ids.Parse(d.DuplicateOf); err == nil {
		in.known = raw[:]
	}
	for i := range d.Attempts {
		a := d.Attempts[i]
		in.attempts = append(in.attempts, encodeAttempt(s.dict, &a))
	}
	return in, nil
}

// size is about what it takes on disk.
func (in *incoming) size() int {
	size := len(in.delivery.Body) + len(in.record) + rowOverhead
	for _, a := range in.delivery.Attempts {
		if a.Response != nil {
			size += len(a.Response.Body)
		}
	}
	return size
}

// end is the outcome of insert once it is on disk.
func (in *incoming) end(dup string, err error) error {
	if err != nil {
		return fmt.Errorf("store delivery: %w", err)
	}
	if dup != "" {
		in.delivery.DuplicateOf = dup
	}
	return nil
}

// insert is the part of Append that is done in the transaction. It returns the
// id of the delivery that this one repeats.
func (in *incoming) insert(tx *transaction) (dup string, err error) {
	d := in.delivery
	if err := tx.makeRoom(int64(len(d.Body) + len(in.record))); err != nil {
		return "", err
	}
	facet, err := tx.facet(in.facet)
	if err != nil {
		return "", err
	}
	key := keyOf(tx.state.salt, d, in.sum[:])
	first, err := tx.firstLike(in, key)
	if err != nil {
		return "", err
	}
	seq, err := in.insertRow(tx, facet, key, first)
	if err != nil {
		return "", err
	}
	if err := in.insertAttempts(tx, seq, facet); err != nil {
		return "", err
	}
	return idText(first), nil
}

const insertDelivery = `INSERT INTO delivery (seq, id, at, stored, facet, key, answer, dup, record, sum, body)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

func (in *incoming) insertRow(tx *transaction, facet int64, key uint32, first []byte) (seq int64, err error) {
	d := in.delivery
	if first == nil {
		first = in.known
	}
	var answer *int64
	if d.Response != nil {
		status := int64(d.Response.Status)
		answer = &status
	}
	body := d.Body
	if body == nil {
		body = []byte{}
	}
	seq = tx.state.seq + 1
	_, err = tx.exec(insertDelivery, seq, in.id, d.ReceivedAt.UnixMicro(), tx.now.UnixMilli(), facet, int64(key),
		answer, first, in.record, bodySum(in.sum, answer, first), body)
	if isConstraint(err) {
		return 0, refuse(ErrExists)
	}
	if err != nil {
		return 0, err
	}
	tx.state.seq = seq
	tx.state.count++
	tx.state.bytes += int64(len(d.Body))
	tx.state.skew = max(tx.state.skew, in.skew)
	tx.w.recent.add(key, seq)
	return seq, nil
}

func (in *incoming) insertAttempts(tx *transaction, seq, facet int64) error {
	d := in.delivery
	for i := range d.Attempts {
		a := d.Attempts[i]
		if a.Number == 0 {
			a.Number = i + 1
		}
		if err := tx.insertAttempt(seq, &a, in.attempts[i]); err != nil {
			return err
		}
	}
	if !failedNow(d.Attempts, d.Response) {
		return nil
	}
	return tx.setFailed(facet, in.id, seq, true)
}

// failedNow says whether a delivery is one that --failed means.
func failedNow(attempts []webhook.Attempt, answer *webhook.Response) bool {
	if n := len(attempts); n > 0 {
		return !attempts[n-1].Delivered()
	}
	return answer != nil && (answer.Status < 200 || answer.Status > 299)
}

func isConstraint(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_CONSTRAINT
}

// keyOf hashes what two deliveries of the same event have in common. It is
// salted so that nobody outside can aim for the same key. Deliveries that are
// never duplicates have key 0 and are in no index.
func keyOf(salt []byte, d *webhook.Delivery, sum []byte) uint32 {
	var text []byte
	switch {
	case d.EventID != "":
		text = append(append(text, 'e'), d.EventID...)
	case d.Provider != "" && d.Direction == webhook.Received:
		text = append(append(append(text, 'b'), d.Provider...), sum...)
	default:
		return 0
	}
	return keyOfText(salt, text)
}

func keyOfText(salt, text []byte) uint32 {
	h := sha256.Sum256(append(bytes.Clone(salt), text...))
	return max(binary.BigEndian.Uint32(h[:]), 1)
}

// firstLike returns the id of the first received delivery that carried the
// same event, nil if there is none.
func (tx *transaction) firstLike(in *incoming, key uint32) ([]byte, error) {
	d := in.delivery
	if key == 0 || d.Provider == "" || d.Direction != webhook.Received {
		return nil, nil
	}
	for seq, err := range tx.withKey(key) {
		if err != nil {
			return nil, err
		}
		if id, same, err := tx.carriesSame(seq, in); err != nil || same {
			return id, err
		}
	}
	return nil, nil
}

// carriesSame compares a stored delivery with one that comes in.
func (tx *transaction) carriesSame(seq int64, in *incoming) (id []byte, same bool, err error) {
	var record, sum []byte
	found, err := tx.scan("SELECT id, record, sum FROM delivery WHERE seq = ?", []any{seq}, &id, &record, &sum)
	if err != nil || !found {
		return nil, false, err
	}
	other, err := decodeDelivery(tx.w.store.dict, record, id)
	if err != nil {
		return nil, false, nil // damaged: it equals nothing
	}
	d := in.delivery
	same = other.Direction == webhook.Received && other.Provider == d.Provider && other.EventID == d.EventID &&
		(d.EventID != "" || bytes.HasPrefix(sum, in.sum[:]))
	return id, same, nil
}
