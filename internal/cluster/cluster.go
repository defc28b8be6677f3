package cluster

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/hooks-cli/hooks/internal/spool"
	"github.com/hooks-cli/hooks/internal/wire"
)

// ErrAway says that the NATS cluster cannot be reached or has no majority.
var ErrAway = errors.New("the NATS cluster is away")

// storesAtOnce is how many events a node stores at a time: the others wait.
const storesAtOnce = 4096

// defaultStreams is how many streams a new store has.
const defaultStreams = 16

// Config is what a node is made of.
type Config struct {
	URL     string        // of the NATS servers, separated by commas
	Options []nats.Option // credentials and TLS
	Node    string        // this node's name, one of its kind in the cluster
	Address string        // where the other nodes reach it: host:port
	Version string        // of this program
	Limits  spool.Limits
	// Replicas is how many servers keep each event; 0: three, or as many as
	// there are. Streams is how many streams a new store has; 0: 16.
	Replicas, Streams int
	// Sync is what the operator says of the servers' disks.
	Sync Sync
	Now  func() time.Time
	Log  *slog.Logger
}

// A Sync says when the NATS servers sync what they acknowledged to their disks.
type Sync string

// The values of Sync. With SyncUnknown the servers are asked.
const (
	SyncUnknown Sync = ""
	SyncAlways  Sync = "always"
	SyncLazy    Sync = "lazy"
)

// A Cluster is one node's part in the cluster. Its methods are safe for
// concurrent use.
type Cluster struct {
	cfg         Config
	ground      Ground
	nc          *nats.Conn
	js          jetstream.JetStream
	meta        meta
	incarnation string
	durability  wire.Durability
	shards      []*shard
	slots       chan struct{} // one for each event that is being stored

	own, nodes, cursors, tokens, certs jetstream.KeyValue

	mu      sync.Mutex // guards the following
	peers   map[string]*peer
	anyone  time.Time // when one of them was heard
	cache   cache
	queues  map[string]*Queue // of the names that this node owns
	dirty   map[*Queue]struct{}
	news    map[*Queue][]uint64 // offsets that were heard of
	past    spool.Counts        // of names that others own now
	records map[string][]byte   // of tokens
	version uint64              // of records
	onNote  func(label string, known func())
	onMove  func(label string, generation uint64, left func())

	purges atomic.Int64 // that may still be made in this second

	stop context.CancelFunc
	work sync.WaitGroup
}

// meta is what the first node wrote when it made the store.
type meta struct {
	ID      string `json:"id"`
	Streams int    `json:"streams"`
	Key     string `json:"key"` // 256 bits in hex, known to nodes alone
}

// On makes a node that stands on g, whose store has the epoch id. What happens
// there is told through Hear, Heard and Met; Spread and Tend are called every moment.
func On(g Ground, id string, cfg Config) *Cluster {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Cluster{
		ground: g, cfg: cfg, meta: meta{ID: id}, incarnation: random(16),
		peers: make(map[string]*peer), cache: cache{make(map[string]cached)},
		queues: make(map[string]*Queue), dirty: make(map[*Queue]struct{}), news: make(map[*Queue][]uint64), records: make(map[string][]byte),
		slots: make(chan struct{}, storesAtOnce),
	}
}

// Connect opens the store, which is made if there is none. It does not make
// this process a node: Join does.
func Connect(ctx context.Context, cfg Config) (*Cluster, error) {
	c := On(nil, "", cfg)
	c.ground = natsGround{c}
	cfg = c.cfg
	options := append([]nats.Option{
		nats.Name("hooks relay " + cfg.Node),
		nats.MaxReconnects(-1), nats.ReconnectWait(250 * time.Millisecond), nats.ReconnectJitter(250*time.Millisecond, time.Second),
		// What cannot be sent now is refused now: nothing waits in memory.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(3 * time.Second), nats.MaxPingsOutstanding(2), nats.Timeout(5 * time.Second),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			cfg.Log.Error("nats", "error", err.Error())
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				cfg.Log.Warn("nats is away", "error", err.Error())
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) { cfg.Log.Info("nats is back", "server", nc.ConnectedUrlRedacted()) }),
	}, cfg.Options...)
	var err error
	if c.nc, err = nats.Connect(cfg.URL, options...); err != nil {
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	if err := c.open(ctx); err != nil {
		c.nc.Close()
		return nil, fmt.Errorf("open the relays' store in NATS: %w", err)
	}
	return c, nil
}

// Join makes this process a node that owns names. Beat has to be called from
// now on.
func (c *Cluster) Join(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	if err := c.attend(ctx, background); err != nil {
		return fmt.Errorf("join the relays: %w", err)
	}
	return nil
}

func (c *Cluster) open(ctx context.Context) error {
	var err error
	if c.js, err = jetstream.New(c.nc, jetstream.WithDefaultTimeout(10*time.Second)); err != nil {
		return err
	}
	if c.cfg.Replicas == 0 {
		c.cfg.Replicas = c.replicas()
	}
	metas, err := c.bucket(ctx, jetstream.KeyValueConfig{Bucket: "hk_meta"})
	if err != nil {
		return err
	}
	if c.meta, err = c.readMeta(ctx, metas); err != nil {
		return err
	}
	for _, b := range []struct {
		to  *jetstream.KeyValue
		cfg jetstream.KeyValueConfig
	}{
		{&c.own, jetstream.KeyValueConfig{Bucket: "hk_own"}},
		{&c.nodes, jetstream.KeyValueConfig{Bucket: "hk_node", TTL: nodeDead}},
		{&c.cursors, jetstream.KeyValueConfig{Bucket: "hk_cur"}},
		{&c.tokens, jetstream.KeyValueConfig{Bucket: "hk_tok"}},
		{&c.certs, jetstream.KeyValueConfig{Bucket: "hk_cert"}},
	} {
		if *b.to, err = c.bucket(ctx, b.cfg); err != nil {
			return err
		}
	}
	for i := range c.meta.Streams {
		s, err := c.openShard(ctx, i)
		if err != nil {
			return err
		}
		c.shards = append(c.shards, s)
	}
	c.durability = c.askDurability()
	return nil
}

// bucket opens a bucket, or makes it.
func (c *Cluster) bucket(ctx context.Context, cfg jetstream.KeyValueConfig) (kv jetstream.KeyValue, err error) {
	cfg.History, cfg.Storage, cfg.Replicas = 1, jetstream.FileStorage, c.cfg.Replicas
	err = patiently(ctx, func(ctx context.Context) error {
		kv, err = c.js.KeyValue(ctx, cfg.Bucket)
		if errors.Is(err, jetstream.ErrBucketNotFound) {
			kv, err = c.js.CreateKeyValue(ctx, cfg)
		}
		return err
	})
	return kv, err
}

// patiently asks again while the servers choose a leader: a request that comes
// then may stay without an answer.
func patiently(ctx context.Context, ask func(context.Context) error) error {
	for {
		err := once(ctx, ask)
		if err == nil || !temporary(err) {
			return err
		}
		if pause(ctx, 100*time.Millisecond); ctx.Err() != nil {
			return err
		}
	}
}

func once(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	return ask(ctx)
}

// temporary says whether another try may succeed.
func temporary(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, nats.ErrNoResponders) ||
		errors.Is(err, nats.ErrDisconnected) || errors.Is(err, nats.ErrConnectionReconnecting) || errors.Is(err, nats.ErrReconnectBufExceeded) ||
		errors.Is(err, jetstream.ErrBucketExists) || errors.As(err, &api) && api.Code >= 500
}

// readMeta reads what the store is, or says it if this node is the first.
func (c *Cluster) readMeta(ctx context.Context, kv jetstream.KeyValue) (meta, error) {
	const key = "store"
	m := meta{ID: random(16), Streams: c.cfg.Streams, Key: random(32)}
	if m.Streams == 0 {
		m.Streams = defaultStreams
	}
	b, err := json.Marshal(m)
	if err != nil {
		return meta{}, err
	}
	err = patiently(ctx, func(ctx context.Context) error {
		_, err := kv.Create(ctx, key, b)
		return err
	})
	if err != nil && !errors.Is(err, jetstream.ErrKeyExists) {
		return meta{}, err
	}
	var e jetstream.KeyValueEntry
	err = patiently(ctx, func(ctx context.Context) error {
		e, err = kv.Get(ctx, key)
		return err
	})
	if err != nil {
		return meta{}, err
	}
	if err := json.Unmarshal(e.Value(), &m); err != nil || m.Streams < 1 || m.Streams > 256 || m.Key == "" {
		return meta{}, fmt.Errorf("bucket hk_meta: %w", spool.ErrForeign)
	}
	return m, nil
}

// replicas is how many replicas the cluster can hold, at most three.
func (c *Cluster) replicas() int { return max(1, min(3, len(c.nc.Servers()))) }

// Epoch names this incarnation of the store: another one has other offsets.
func (c *Cluster) Epoch() string { return c.meta.ID }

// Durability is what an accepted event has behind it.
func (c *Cluster) Durability() wire.Durability { return c.durability }

// Node is this node's name.
func (c *Cluster) Node() string { return c.cfg.Node }

// Key is what only the nodes know.
func (c *Cluster) Key() []byte {
	b, err := hex.DecodeString(c.meta.Key)
	if err != nil {
		return []byte(c.meta.Key)
	}
	return b
}

// reconnectWithin is how long a request waits for another NATS server, when the
// one that was connected has gone.
const reconnectWithin = 3 * time.Second

// connected says whether a NATS server is connected, or is soon.
func (c *Cluster) connected(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, reconnectWithin)
	defer cancel()
	for !c.ground.Connected() {
		if pause(ctx, 20*time.Millisecond); ctx.Err() != nil {
			return c.ground.Connected()
		}
	}
	return true
}

// Reachable says whether a NATS server is connected.
func (c *Cluster) Reachable() bool { return c.ground.Connected() }

// Close writes the cursors, says that the node is gone and leaves.
func (c *Cluster) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := c.Flush(ctx)
	if c.stop != nil {
		c.stop()
		c.work.Wait()
		if c.nc.IsConnected() {
			err = errors.Join(err, c.nodes.Delete(ctx, c.cfg.Node))
		}
	}
	c.nc.Close()
	return err
}

// askDurability finds out whether an acknowledged event is on the disks: every
// server has to say so. Only who may read their state gets an answer; what is
// not known counts as lazy.
func (c *Cluster) askDurability() wire.Durability {
	switch c.cfg.Sync {
	case SyncAlways:
		return wire.Fsynced
	case SyncLazy:
		return wire.Replicated
	}
	inbox := c.nc.NewRespInbox()
	sub, err := c.nc.SubscribeSync(inbox)
	if err != nil {
		return wire.Replicated
	}
	defer func() { _ = sub.Unsubscribe() }()
	if c.nc.PublishRequest("$SYS.REQ.SERVER.PING.JSZ", inbox, []byte("{}")) != nil {
		return wire.Replicated
	}
	for range c.nc.Servers() {
		m, err := sub.NextMsg(time.Second)
		if err != nil || !syncsAlways(m.Data) {
			return wire.Replicated
		}
	}
	return wire.Fsynced
}

// syncsAlways reads what a server says of its store.
func syncsAlways(answer []byte) bool {
	var a struct {
		Data struct {
			Config struct {
				SyncAlways bool `json:"sync_always"`
			} `json:"config"`
		} `json:"data"`
	}
	return json.Unmarshal(answer, &a) == nil && a.Data.Config.SyncAlways
}

// shardOf says which stream a name's events are in.
func (c *Cluster) shardOf(label string) *shard {
	h := fnv.New64a()
	_, _ = h.Write([]byte(label)) // never fails
	return c.shards[h.Sum64()%uint64(len(c.shards))]
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}
