package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

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

	before *Owner // of Claim: who owned the name until then, nil if nobody did
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
	if c.ground.Connected() {
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

// lookTries is how often a name's owner is looked for: while the servers choose
// a leader nobody answers. It is no matter of time, for a process that was
// stopped has used up none of it.
const lookTries = 4

// look asks the leader. What another replica knows of the owner is better than
// no answer: who is not the owner any more says so.
func (c *Cluster) look(ctx context.Context, label string) (o *Owner, err error) {
	for range lookTries {
		err = once(ctx, func(ctx context.Context) error {
			if !c.connected(ctx) {
				return ErrAway
			}
			o, _, err = c.ask(ctx, label)
			return err
		})
		if err == nil || !temporary(err) {
			return o, err
		}
		if o = c.replica(ctx, label); o != nil {
			return o, nil
		}
		if pause(ctx, 100*time.Millisecond); ctx.Err() != nil {
			break
		}
	}
	return nil, err
}

// replica is what any of the servers knows of a name; nil if that is nothing.
func (c *Cluster) replica(ctx context.Context, label string) *Owner {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	value, revision, err := c.ground.Owners().Near(ctx, label)
	if err != nil {
		return nil
	}
	o := &Owner{Generation: revision}
	if json.Unmarshal(value, o) != nil {
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
	value, revision, err := c.ground.Owners().Get(ctx, label)
	if err != nil || value == nil {
		return nil, revision, err
	}
	var o Owner
	if err := json.Unmarshal(value, &o); err != nil {
		return nil, 0, fmt.Errorf("bucket hk_own, %s: %w", label, spool.ErrForeign)
	}
	o.Generation = revision
	return &o, revision, nil
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
	owners, unheard := c.ground.Owners(), 0
	for try := range 20 {
		was, revision, err := c.recall(ctx, label, &o, try)
		if err != nil {
			return nil, err
		}
		if unheard == 0 || !c.Mine(was) {
			o.before = was
		}
		if before := o.before; before != nil && before.Key != o.Key && (c.Alive(before) || before.UsedAt.After(unused)) {
			return nil, ErrTaken
		}
		o.Generation, err = owners.Update(ctx, label, b, revision)
		if errors.Is(err, ErrRevision) {
			continue
		}
		if (errors.Is(err, ErrAway) || temporary(err)) && unheard < 2 {
			unheard++ // it may be this node's by now, and whoever had it does not know
			continue
		}
		if err != nil {
			return nil, err
		}
		if o.before != nil && o.before.Key != o.Key { // the events of whoever had it before are not the new one's
			if err := c.empty(ctx, label); err != nil {
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

// empty removes all events of a name.
func (c *Cluster) empty(ctx context.Context, label string) error {
	s := c.ground.StreamOf(label)
	end, err := s.Last(ctx, label)
	if err != nil {
		return err
	}
	return s.Drop(ctx, label, end)
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
	if o.Generation, err = c.ground.Owners().Update(ctx, label, b, generation); err != nil {
		if errors.Is(err, ErrRevision) {
			return nil, ErrMoved
		}
		return nil, err
	}
	c.remember(label, &o)
	c.tellMoved(label, o.Generation)
	return &o, nil
}

// Release gives a name up, with all that is kept of it, if it is still of this
// generation; else the error is ErrRevision.
func (c *Cluster) Release(ctx context.Context, label string, generation uint64) error {
	if _, err := c.ground.Owners().Update(ctx, label, nil, generation); err != nil {
		return fmt.Errorf("release a name: %w", err)
	}
	c.Forget(label)
	c.tellMoved(label, generation+1)
	return c.clear(ctx, label)
}

// Mine says whether this very process is the owner.
func (c *Cluster) Mine(o *Owner) bool {
	return o != nil && o.Node == c.cfg.Node && o.Incarnation == c.incarnation
}
