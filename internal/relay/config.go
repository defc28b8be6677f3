package relay

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/spool"
)

// Limits bound what one name, token or address may take. Without Streams they are
// the defaults, but for Unlimited and, if it is set, EventBody.
type Limits struct {
	Streams    int           // requests of one name under way at a time
	SlotWait   time.Duration // of a request for a free stream
	HeadWait   time.Duration // for the head of the app's answer
	Links      int           // clients on one name
	Names      int           // names of one token
	AllNames   int           // names in all, those whose clients are away too; Memory bounds them before
	Unused     time.Duration // after which a name is free again
	Unseen     time.Duration // after which a broadcast client that is away is forgotten
	Hold       int           // bytes of one body kept until the answer begins, in case it must be stored
	HoldAll    int64         // of one name in all
	PingEvery  time.Duration
	Rate       float64 // requests a second of one name
	Burst      float64
	AddrRate   float64 // requests a second of one address
	AddrBurst  float64
	AuthFails  float64 // failed registrations a minute of one address
	Unlimited  bool    // no rates: a relay on this machine alone
	EventBody  int64   // bytes of a stored body
	DrainLinks time.Duration
}

// DefaultLimits are the limits of a public relay.
func DefaultLimits() Limits {
	return Limits{
		Streams: 64, SlotWait: 5 * time.Second, HeadWait: 35 * time.Second, Links: 32,
		Names: 1000, AllNames: 1_000_000, Unused: 30 * 24 * time.Hour, Unseen: 24 * time.Hour,
		Hold: 256 << 10, HoldAll: 8 << 20, PingEvery: 15 * time.Second,
		Rate: 100, Burst: 200, AddrRate: 500, AddrBurst: 1000, AuthFails: 10,
		EventBody: 10 << 20, DrainLinks: 10 * time.Second,
	}
}

// Config is what a Server is made of.
type Config struct {
	Version string
	Node    string
	Public  *url.URL // where senders find this relay; its path is a prefix of all paths
	Domain  string   // NAME.Domain is a name's own host; "" for path mode alone

	Tokens *Tokens // nil: nobody needs one
	// Strangers says that clients without a token are told apart by the key
	// that each presents; without it they are all one.
	Strangers bool

	// Shared says that pages of several tunnels share one public origin:
	// answers in path mode are kept from acting in it.
	Shared    bool
	AllowHTML bool

	// Spool keeps what cannot be delivered yet; nil: nothing is kept. The
	// caller closes it after the Server.
	Spool *spool.Spool
	// Cluster is what this relay shares with others; nil: it is on its own. It
	// stands in for Spool, and the caller closes it after the Server.
	Cluster *cluster.Cluster
	// ReadBody reads a body that is to be stored, under the memory budget of
	// whoever serves. Nil: it is read without one.
	ReadBody func(*http.Request) (body []byte, release func(), err error)

	// Memory is how many bytes this process should stay below; 0 sets no
	// bound. InUse says how many it needs; nil asks the runtime.
	Memory int64
	InUse  func() int64

	TrustProxy []netip.Prefix // whose X-Forwarded-* headers are believed
	Limits     Limits
	Now        func() time.Time
	Log        *slog.Logger
}
