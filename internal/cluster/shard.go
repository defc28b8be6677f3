package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hooks-cli/hooks/internal/spool"
)

// storeWithin is how long an event may take to be stored before it is refused.
const storeWithin = 30 * time.Second

// Errors of the servers that are told apart.
const (
	codeNoSpace  = 10077 // the stream, or the subject, is full
	codeTooLarge = 10054
	codeStored   = 10201 // a batch holds an event that is stored already
)

// A shard is one stream.
type shard struct {
	c      *Cluster
	number string // as subjects have it
	stream jetstream.Stream
	name   string
}

func (c *Cluster) openShard(ctx context.Context, i int) (*shard, error) {
	s := &shard{c: c, number: fmt.Sprintf("%02d", i)}
	s.name = "HK_EV_" + s.number
	limits := c.limits()
	cfg := jetstream.StreamConfig{
		Name: s.name, Description: "events that a hooks relay accepted",
		Subjects: []string{"hk.ev." + s.number + ".*", "hk.ec." + s.number + ".*"},
		Storage:  jetstream.FileStorage, Replicas: c.cfg.Replicas,
		Discard: jetstream.DiscardNew, DiscardNewPerSubject: true, MaxMsgsPerSubject: int64(limits.Events),
		MaxAge: limits.Age, Duplicates: min(2*time.Minute, limits.Age),
		AllowDirect: true, AllowAtomicPublish: true,
	}
	err := patiently(ctx, func(ctx context.Context) (err error) {
		s.stream, err = c.js.Stream(ctx, s.name)
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			s.stream, err = c.js.CreateStream(ctx, cfg)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", s.name, err)
	}
	return s, nil
}

// limits are those of the configuration, with the defaults.
func (c *Cluster) limits() spool.Limits { return c.cfg.Limits.Filled() }

func (s *shard) events(label string) string { return "hk.ev." + s.number + "." + label }

func (s *shard) pieces(label string) string { return "hk.ec." + s.number + "." + label }

// Store has an event stored and sets its offset. Each goes by itself: the
// servers sync what comes at the same time together. While nobody knows whether
// it is stored it is sent again: the servers know its id.
func (s *shard) Store(ctx context.Context, label string, r *spool.Record) error {
	select {
	case s.c.slots <- struct{}{}:
		defer func() { <-s.c.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, storeWithin)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := s.publish(label, r)
		if !errors.Is(err, ErrAway) || !s.c.connected(ctx) {
			return err
		}
		if pause(ctx, wait); ctx.Err() != nil {
			return err
		}
	}
}

// publish sends an event and waits for the servers to say that they have it. A
// body in pieces goes as one batch: all of it is stored, or nothing.
func (s *shard) publish(label string, r *spool.Record) error {
	head, pieces := encode(r)
	last := s.message(s.events(label), head, r.ID.String())
	if len(pieces) > 0 {
		batch := random(16)
		inBatch := func(m *nats.Msg, n int) *nats.Msg {
			m.Header.Set("Nats-Batch-Id", batch)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(n))
			return m
		}
		for i, p := range pieces {
			m := s.message(s.pieces(label), p, r.ID.String()+"-"+strconv.Itoa(i))
			if err := s.c.nc.PublishMsg(inBatch(m, i+1)); err != nil {
				return fmt.Errorf("%w: %w", ErrAway, err)
			}
		}
		inBatch(last, len(pieces)+1).Header.Set("Nats-Batch-Commit", "1")
	}
	answer, err := s.c.nc.RequestMsg(last, 5*time.Second)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	r.Offset, err = answered(answer.Data)
	if errors.Is(err, errStored) {
		return s.find(label, r)
	}
	return err
}

// errStored says that a batch was refused because it was stored before.
var errStored = errors.New("stored already")

// find sets the offset of an event that was stored before.
func (s *shard) find(label string, r *spool.Record) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for from := uint64(1); ; {
		list, err := s.Read(ctx, label, from, 256, 8<<20)
		switch {
		case err != nil:
			return err
		case len(list) == 0: // delivered and removed since
			r.Offset = from - 1
			return nil
		}
		for _, stored := range list {
			if stored.ID == r.ID {
				r.Offset = stored.Offset
				return nil
			}
			from = stored.Offset + 1
		}
	}
}

func (s *shard) message(subject string, data []byte, id string) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: data, Header: nats.Header{
		jetstream.MsgIDHeader: {id}, jetstream.ExpectedStreamHeader: {s.name},
	}}
}

// answered reads what the servers say: the offset of the message.
func answered(data []byte) (uint64, error) {
	var a struct {
		Seq   uint64              `json:"seq"`
		Error *jetstream.APIError `json:"error"`
	}
	switch err := json.Unmarshal(data, &a); {
	case err != nil:
		return 0, fmt.Errorf("%w: an answer that is not understood", ErrAway)
	case a.Error == nil && a.Seq == 0:
		return 0, fmt.Errorf("%w: an answer without a sequence", ErrAway)
	case a.Error == nil:
		return a.Seq, nil
	case a.Error.ErrorCode == codeNoSpace || a.Error.ErrorCode == codeTooLarge:
		return 0, spool.ErrFull
	case a.Error.ErrorCode == codeStored:
		return 0, errStored
	}
	return 0, fmt.Errorf("%w: %w", ErrAway, a.Error)
}

// Read returns the events of label from offset on, as spool.Spool.Read has it.
// A replica that lags behind is asked first; only the leader can say that
// there is nothing.
func (s *shard) Read(ctx context.Context, label string, offset uint64, count int, bytes int64) ([]*spool.Record, error) {
	list, err := s.direct(ctx, label, offset, count, bytes)
	if err == nil && len(list) > 0 {
		return list, nil
	}
	m, err := s.c.leader(ctx, s.name, ask{Seq: max(offset, 1), Next: s.events(label)})
	if err != nil || m == nil {
		return nil, err
	}
	r, err := s.whole(ctx, label, m.Seq, m.Data)
	if err != nil {
		return nil, err
	}
	return []*spool.Record{r}, nil
}

// direct asks any replica for several events at once.
func (s *shard) direct(ctx context.Context, label string, offset uint64, count int, bytes int64) ([]*spool.Record, error) {
	b, err := json.Marshal(ask{Seq: max(offset, 1), Next: s.events(label), Batch: count, Bytes: bytes})
	if err != nil {
		return nil, err
	}
	inbox := s.c.nc.NewRespInbox()
	sub, err := s.c.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.c.nc.PublishRequest("$JS.API.DIRECT.GET."+s.name, inbox, b); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var list []*spool.Record
	for len(list) < count {
		m, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return list, err
		}
		if m.Header.Get("Status") != "" { // the end, or nothing there
			break
		}
		seq, err := strconv.ParseUint(m.Header.Get(jetstream.SequenceHeader), 10, 64)
		if err != nil {
			return list, fmt.Errorf("an event without a sequence: %w", err)
		}
		r, err := s.whole(ctx, label, seq, m.Data)
		if err != nil {
			return list, err
		}
		list = append(list, r)
	}
	return list, nil
}

// whole makes a record of a message, and fetches the pieces of its body. One
// that is not what was stored is marked as damaged.
func (s *shard) whole(ctx context.Context, label string, seq uint64, data []byte) (*spool.Record, error) {
	r, length, pieces, err := decode(data)
	if err != nil {
		return &spool.Record{Offset: seq, Damaged: true}, nil
	}
	r.Offset = seq
	if pieces > 0 {
		r.Body = make([]byte, 0, min(length, 64<<20))
		for i := range pieces {
			m, err := s.c.leader(ctx, s.name, ask{Seq: seq - uint64(pieces-i)})
			if err != nil {
				return nil, err
			}
			if m != nil && m.Subject == s.pieces(label) {
				r.Body = append(r.Body, m.Data...)
			}
		}
	}
	judge(r)
	return r, nil
}

// Last is the offset of the newest event of label, as the leader has it; 0 if
// there is none.
func (s *shard) Last(ctx context.Context, label string) (uint64, error) {
	m, err := s.c.leader(ctx, s.name, ask{Last: s.events(label)})
	if err != nil || m == nil {
		return 0, err
	}
	return m.Seq, nil
}

// Drop removes the events of label up to offset, with the pieces of their
// bodies.
func (s *shard) Drop(ctx context.Context, label string, offset uint64) error {
	subject := "hk.*." + s.number + "." + label
	if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(offset+1)); err != nil {
		return fmt.Errorf("%w: remove events: %w", ErrAway, err)
	}
	return nil
}
