package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/hooks-cli/hooks/internal/spool"
)

// Errors that callers tell apart.
var (
	// ErrTaken says that a name belongs to somebody else.
	ErrTaken = errors.New("the name is taken")
	// ErrMoved says that another node has claimed the name since.
	ErrMoved = errors.New("another relay owns the name now")
)

// An Owner is what is known of a name: whose it is, and which node holds the
// links of its clients.
type Owner struct {
	Node        string    `json:"node"`
	Incarnation string    `json:"incarnation"` // of the node's process
	Key         [32]byte  `json:"key"`         // hash of what its clients authenticate with
	Mode        string    `json:"mode"`
	Share       string    `json:"share"`
	Instance    string    `json:"instance"` // of the client for which it was claimed
	Accept      int       `json:"accept"`
	Seal        string    `json:"seal,omitempty"`
	UsedAt      time.Time `json:"used_at"`

	Generation uint64 `json:"-"` // rises with each change of hands
}

// cacheFor is how long an owner is believed without asking, cacheMost how many
// are.
const (
	cacheFor  = 60 * time.Second
	cacheMost = 500_000
)

type cached struct {
	owner *Owner // nil: nobody has claimed the name
	at    time.Time
}

// A cache is what was learned of owners lately, and what was learned before. The
// second goes when the first takes its place.
type cache [2]map[string]cached

// recallLocked is what is known of a name.
func (c *Cluster) recallLocked(label string) (cached, bool) {
	for _, m := range c.cache {
		if known, ok := m[label]; ok {
			return known, true
		}
	}
	return cached{}, false
}

func (c *Cluster) forgetLocked(label string) {
	for _, m := range c.cache {
		delete(m, label)
	}
}

// age gives up what nobody has asked for since it was called before. While NATS
// is away nothing can be learned, and nothing is given up.
func (c *Cluster) age() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nc.IsConnected() {
		c.cache = cache{make(map[string]cached), c.cache[0]}
	}
}

// Find says what is known of a name; nil if nobody has claimed it. What is
// known may be a minute old: whoever acts on it has to expect that the node
// named is not the owner any more. While NATS is away, what was known last is
// believed.
func (c *Cluster) Find(ctx context.Context, label string) (*Owner, error) {
	c.mu.Lock()
	known, ok := c.recallLocked(label)
	c.mu.Unlock()
	if ok && time.Since(known.at) < cacheFor {
		return known.owner, nil
	}
	o, err := c.look(ctx, label)
	if err != nil {
		if ok {
			return known.owner, nil
		}
		return nil, err
	}
	c.remember(label, o)
	return o, nil
}

// lookWithin is how long a look for a name's owner may take.
const lookWithin = 10 * time.Second

// look asks the leader, again if need be: while the servers choose one nobody
// answers. What another replica knows of the owner is better than nothing then:
// who is not the owner any more says so.
func (c *Cluster) look(ctx context.Context, label string) (o *Owner, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	err = patiently(ctx, func(tryCtx context.Context) error {
		if !c.connected(tryCtx) {
			return ErrAway
		}
		if o, _, err = c.ask(tryCtx, label); err != nil && temporary(err) {
			if known := c.replica(ctx, label); known != nil {
				o, err = known, nil
			}
		}
		return err
	})
	return o, err
}

// replica is what any of the servers knows of a name; nil if that is nothing.
func (c *Cluster) replica(ctx context.Context, label string) *Owner {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	e, err := c.own.Get(ctx, label)
	if err != nil {
		return nil
	}
	o := &Owner{Generation: e.Revision()}
	if json.Unmarshal(e.Value(), o) != nil {
		return nil
	}
	return o
}

func (c *Cluster) remember(label string, o *Owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known, ok := c.recallLocked(label); ok && known.owner != nil && o != nil && known.owner.Generation > o.Generation {
		return // an older answer came late
	}
	if len(c.cache[0]) >= cacheMost {
		c.cache = cache{make(map[string]cached), c.cache[0]}
	}
	c.cache[0][label] = cached{o, time.Now()}
}

// Forget makes the next Find ask.
func (c *Cluster) Forget(label string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgetLocked(label)
}

// ask reads a name's entry from the leader, and the revision that a change has
// to name.
func (c *Cluster) ask(ctx context.Context, label string) (*Owner, uint64, error) {
	m, err := c.leader(ctx, "KV_hk_own", ask{Last: "$KV.hk_own." + label})
	if err != nil || m == nil {
		return nil, 0, err
	}
	if bytes.Contains(m.Header, []byte("KV-Operation")) { // released
		return nil, m.Seq, nil
	}
	var o Owner
	if err := json.Unmarshal(m.Data, &o); err != nil {
		return nil, 0, fmt.Errorf("bucket hk_own, %s: %w", label, spool.ErrForeign)
	}
	o.Generation = m.Seq
	return &o, m.Seq, nil
}

// Claim makes this node the owner of a name, for whoever o.Key stands for. A
// name that somebody else has is ErrTaken, unless nobody used it since unused.
// Of several nodes that claim at once, the last one has it.
func (c *Cluster) Claim(ctx context.Context, label string, o Owner, unused time.Time) (*Owner, error) {
	o.Node, o.Incarnation = c.cfg.Node, c.incarnation
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	for try := range 20 {
		was, revision, err := c.recall(ctx, label, &o, try)
		if err != nil {
			return nil, err
		}
		if was != nil && was.Key != o.Key && (c.Alive(was) || was.UsedAt.After(unused)) {
			return nil, ErrTaken
		}
		o.Generation, err = c.put(ctx, label, b, revision)
		if errors.Is(err, errRevision) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if was != nil && was.Key != o.Key { // the events of whoever had it before are not the new one's
			s := c.shardOf(label)
			end, err := s.last(ctx, label)
			if err == nil {
				err = s.drop(ctx, label, end)
			}
			if err != nil {
				return nil, err
			}
		}
		c.remember(label, &o)
		c.tellMoved(label, o.Generation)
		return &o, nil
	}
	return nil, fmt.Errorf("%w: the name changes hands all the time", ErrAway)
}

// recall is what ask says, or for a first try what was learned a moment ago: a
// claim that names an old revision does nothing.
func (c *Cluster) recall(ctx context.Context, label string, o *Owner, try int) (*Owner, uint64, error) {
	c.mu.Lock()
	known, ok := c.recallLocked(label)
	c.mu.Unlock()
	switch fresh := try == 0 && ok && time.Since(known.at) < cacheFor; {
	case fresh && known.owner == nil:
		return nil, 0, nil
	case fresh && known.owner.Key == o.Key:
		return known.owner, known.owner.Generation, nil
	}
	return c.ask(ctx, label)
}

var errRevision = errors.New("changed meanwhile")

// put writes an entry if it is still at revision.
func (c *Cluster) put(ctx context.Context, label string, value []byte, revision uint64) (uint64, error) {
	return update(ctx, c.own, label, value, revision)
}

// update writes a key of a bucket if it is still at revision, and returns the
// new one. The error is errRevision if it is not.
func update(ctx context.Context, kv jetstream.KeyValue, key string, value []byte, revision uint64) (uint64, error) {
	rev, err := kv.Update(ctx, key, value, revision)
	var api *jetstream.APIError
	switch {
	case err == nil:
		return rev, nil
	case errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant):
		return 0, errRevision
	}
	return 0, fmt.Errorf("%w: write %s: %w", ErrAway, kv.Bucket(), err)
}

// still says that the node owns a name in a generation; if not, the error is
// ErrMoved.
func (c *Cluster) still(ctx context.Context, label string, generation uint64) error {
	switch _, revision, err := c.ask(ctx, label); {
	case err != nil:
		return err
	case revision != generation:
		return ErrMoved
	}
	return nil
}

// change writes what is new about a name that this node owns.
func (c *Cluster) change(ctx context.Context, label string, o Owner, generation uint64) (*Owner, error) {
	if known, err := c.Find(ctx, label); err == nil && known != nil && known.Generation == generation {
		o.Instance = known.Instance
	}
	o.Node, o.Incarnation = c.cfg.Node, c.incarnation
	b, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	if o.Generation, err = c.put(ctx, label, b, generation); err != nil {
		if errors.Is(err, errRevision) {
			return nil, ErrMoved
		}
		return nil, err
	}
	c.remember(label, &o)
	c.tellMoved(label, o.Generation)
	return &o, nil
}

// Release gives a name up, with all its events, if this node owns it.
func (c *Cluster) Release(ctx context.Context, label string, generation uint64) error {
	if err := c.own.Delete(ctx, label, jetstream.LastRevision(generation)); err != nil {
		return fmt.Errorf("release a name: %w", err)
	}
	s := c.shardOf(label)
	end, err := s.last(ctx, label)
	if err == nil {
		err = s.drop(ctx, label, end)
	}
	c.Forget(label)
	c.tellMoved(label, generation+1)
	return err
}

// Mine says whether this very process is the owner.
func (c *Cluster) Mine(o *Owner) bool {
	return o != nil && o.Node == c.cfg.Node && o.Incarnation == c.incarnation
}
