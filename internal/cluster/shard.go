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

	"github.com/hooks-cli/hooks/internal/commit"
	"github.com/hooks-cli/hooks/internal/spool"
)

// What one batch may hold. The servers take 1,000 messages; a body has at most
// 20 pieces.
const (
	batchEvents = 128
	batchBytes  = 8 << 20
)

// storeWithin is how long an event may take to be stored before it is refused.
const storeWithin = 30 * time.Second

// Errors of the servers that are told apart.
const (
	codeNoSpace      = 10077 // the stream, or the subject, is full
	codeDuplicate    = 10201 // a batch holds an event that is stored already
	codeManyInFlight = 10210
	codeTooLarge     = 10054
)

// A shard is one stream, and what writes to it: one batch at a time, each of
// everything that waits.
type shard struct {
	c      *Cluster
	number string // as subjects have it
	stream jetstream.Stream
	name   string
	group  *commit.Group[*write]
}

// A write is one event on its way into the stream.
type write struct {
	ctx    context.Context
	label  string
	record *spool.Record
	err    error // of this event alone
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
	s.group = commit.New(commit.Config[*write]{
		Write: s.write, Size: func(w *write) int { return len(w.record.Body) + len(w.record.Head) + 200 },
		MaxItems: batchEvents, MaxBytes: batchBytes,
	})
	return s, nil
}

// limits are those of the configuration, with the defaults.
func (c *Cluster) limits() spool.Limits {
	l := c.cfg.Limits
	if l.Events == 0 {
		l.Events = 1000
	}
	if l.Bytes == 0 {
		l.Bytes = 100 << 20
	}
	if l.Age == 0 {
		l.Age = 24 * time.Hour
	}
	return l
}

func (s *shard) events(label string) string { return "hk.ev." + s.number + "." + label }

func (s *shard) pieces(label string) string { return "hk.ec." + s.number + "." + label }

// store has an event stored and sets its offset.
func (s *shard) store(ctx context.Context, label string, r *spool.Record) error {
	w := &write{ctx: ctx, label: label, record: r}
	if err := s.group.Do(ctx, w); err != nil {
		return err
	}
	return w.err
}

// write stores a batch. Each event has its own outcome: the batch has none.
func (s *shard) write(batch []*write) error {
	err := errOneByOne
	if len(batch) > 1 {
		err = s.together(batch)
	}
	for _, w := range batch {
		if errors.Is(err, errOneByOne) {
			w.err = s.alone(w)
		} else {
			w.err = err
		}
	}
	return nil
}

// batchTries is how often a batch is sent while nobody knows whether it is
// stored. The servers know the ids of its events.
const batchTries = 3

// together stores a batch as a whole, or says why it cannot.
func (s *shard) together(batch []*write) (err error) {
	for range batchTries {
		if err = s.publish(batch); !errors.Is(err, ErrAway) || !s.c.connected(context.Background()) {
			return err
		}
	}
	return err
}

// errOneByOne says that a batch was refused as a whole for what one event of
// it is.
var errOneByOne = errors.New("not as a batch")

// alone stores one event. While nobody knows whether it is stored it is sent
// again: the servers know its id.
func (s *shard) alone(w *write) error {
	ctx, cancel := context.WithTimeout(w.ctx, storeWithin)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, 2*time.Second) {
		err := s.publish([]*write{w})
		if !errors.Is(err, ErrAway) || !s.c.connected(ctx) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// publish sends events so that all are stored or none is, and waits for the
// servers to say so.
func (s *shard) publish(batch []*write) error {
	var messages []*nats.Msg
	for _, w := range batch {
		head, pieces := encode(w.record)
		for i, p := range pieces {
			messages = append(messages, s.message(s.pieces(w.label), p, w.record.ID.String()+"-"+strconv.Itoa(i)))
		}
		messages = append(messages, s.message(s.events(w.label), head, w.record.ID.String()))
	}
	last := messages[len(messages)-1]
	if len(messages) > 1 {
		id := random(16)
		for i, m := range messages {
			m.Header.Set("Nats-Batch-Id", id)
			m.Header.Set("Nats-Batch-Sequence", strconv.Itoa(i+1))
		}
		last.Header.Set("Nats-Batch-Commit", "1")
		for _, m := range messages[:len(messages)-1] {
			if err := s.c.nc.PublishMsg(m); err != nil {
				return fmt.Errorf("%w: %w", ErrAway, err)
			}
		}
	}
	answer, err := s.c.nc.RequestMsg(last, 5*time.Second)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	end, err := s.answered(answer.Data, len(messages) > 1)
	if err != nil {
		return err
	}
	for i := len(batch) - 1; i >= 0; i-- {
		w := batch[i]
		w.record.Offset = end
		end -= uint64(1 + countPieces(w.record))
	}
	return nil
}

func countPieces(r *spool.Record) int {
	if len(r.Body) <= maxInline {
		return 0
	}
	return (len(r.Body) + maxInline - 1) / maxInline
}

func (s *shard) message(subject string, data []byte, id string) *nats.Msg {
	return &nats.Msg{Subject: subject, Data: data, Header: nats.Header{
		jetstream.MsgIDHeader: {id}, jetstream.ExpectedStreamHeader: {s.name},
	}}
}

// answered reads what the servers say: the offset of the last message.
func (s *shard) answered(data []byte, batch bool) (uint64, error) {
	var a struct {
		Seq       uint64              `json:"seq"`
		Duplicate bool                `json:"duplicate"`
		Error     *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return 0, fmt.Errorf("%w: an answer that is not understood", ErrAway)
	}
	if a.Error == nil {
		if a.Seq == 0 {
			return 0, fmt.Errorf("%w: an answer without a sequence", ErrAway)
		}
		return a.Seq, nil
	}
	switch code := a.Error.ErrorCode; {
	case batch && (code == codeDuplicate || code == codeNoSpace || code == codeManyInFlight):
		return 0, errOneByOne
	case code == codeNoSpace || code == codeTooLarge:
		return 0, spool.ErrFull
	}
	return 0, fmt.Errorf("%w: %w", ErrAway, a.Error)
}

// read returns the events of label from offset on, as spool.Spool.Read has it.
// A replica that lags behind is asked first; only the leader can say that
// there is nothing.
func (s *shard) read(ctx context.Context, label string, offset uint64, count int, bytes int64) ([]*spool.Record, error) {
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

// last is the offset of the newest event of label, as the leader has it; 0 if
// there is none.
func (s *shard) last(ctx context.Context, label string) (uint64, error) {
	m, err := s.c.leader(ctx, s.name, ask{Last: s.events(label)})
	if err != nil || m == nil {
		return 0, err
	}
	return m.Seq, nil
}

// drop removes the events of label up to offset.
func (s *shard) drop(ctx context.Context, label string, offset uint64) error {
	for _, subject := range []string{s.events(label), s.pieces(label)} {
		if err := s.stream.Purge(ctx, jetstream.WithPurgeSubject(subject), jetstream.WithPurgeSequence(offset+1)); err != nil {
			return fmt.Errorf("%w: remove events: %w", ErrAway, err)
		}
	}
	return nil
}
