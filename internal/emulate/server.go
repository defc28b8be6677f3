package emulate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Config says what is emulated and how. Fields without a remark may be left
// out.
type Config struct {
	Catalogue *provider.Catalogue // required
	Providers []string            // ids; none: all of the catalogue
	Now       func() time.Time    // required
	Client    *deliver.Client     // required; makes the attempts
	Reach     Reach               // what endpoints may be

	// Dir keeps endpoints and the backlog; it is made if it is not there and
	// belongs to one emulator at a time. Required.
	Dir string
	// Relaxed leaves out the waiting for the disk: Dir does not outlive the run.
	Relaxed bool

	// Secrets returns the secrets that the person has for a provider, the newest
	// first; they sign for endpoints of Register. Development returns the
	// development secret, which signs towards this machine where an endpoint is
	// registered without one. Both or neither are set.
	Secrets     func(ctx context.Context, provider string) ([]secret.Named, error)
	Development func(provider string) (secret.Named, error)

	APIKey     safetext.Secret // that the APIs ask for; empty: any will do
	ControlKey safetext.Secret // that the control API asks for; empty: none
	RateLimit  Rate            // of calls to each provider's API

	TimeScale   float64       // how much faster the schedules run; 0 is 1
	Timeout     time.Duration // of an attempt; 0: the provider's
	Concurrency int           // attempts open at once to one endpoint; 0 is 4
	Faults      Faults        // made with every event

	// Hosts are the names, with ports, by which the server may be called besides
	// the addresses of this machine: example.test:4000. PublicURL, if set, is
	// what download addresses begin with.
	Hosts     []string
	PublicURL string

	// ReadBody reads the body of a request within bounds; the error is one that
	// can write itself as the answer. Required.
	ReadBody func(*http.Request) (body []byte, release func(), err error)

	// Observe is told of what happens, from several goroutines at once. Nil: no
	// one is.
	Observe func(Event)
}

const (
	defaultConcurrency = 4
	// maxEndpoints and maxPending bound what is registered and owed. Beyond
	// them nothing more is taken, and the answer says so.
	maxEndpoints = 10_000
	maxPending   = 100_000
)

// A Server is an emulator: an http.Handler with the APIs, and the engine that
// delivers, which Run runs. Its methods are safe for concurrent use.
type Server struct {
	cfg      Config
	front    http.Handler
	store    *store.Store
	clock    *clock
	ids      ids.Generator
	key      []byte
	hosts    *deliver.Hosts
	base     context.Context // of the attempts; Abort ends it
	abort    context.CancelFunc
	work     sync.WaitGroup
	wake     chan struct{}
	ran      chan struct{} // closed when Run returns
	limits   map[string]*bucket
	painting chan struct{} // held while a picture is made
	flights  sync.Mutex    // held while the clock is put forward

	edit    sync.Mutex // held while what is registered is changed; guards journal
	journal *journal

	mu        sync.Mutex // guards the following
	endpoints map[string]*endpoint
	order     []*endpoint // as they were made
	queue     jobs
	pending   map[string]*job
	flows     map[string][]*job
	busy      int  // jobs that are ready or under way
	leaving   bool // nothing new is begun
	settled   *sync.Cond
}

// Open opens the data directory and takes up what was left there. Nothing is
// delivered before Run.
func Open(ctx context.Context, cfg Config) (*Server, error) {
	if cfg.TimeScale <= 0 {
		cfg.TimeScale = 1
	}
	if cfg.Concurrency <= 0 {
		cfg.Concurrency = defaultConcurrency
	}
	if cfg.Observe == nil {
		cfg.Observe = func(Event) {}
	}
	for _, id := range cfg.Providers {
		if _, err := cfg.Catalogue.Get(id); err != nil {
			return nil, err
		}
	}
	s := &Server{
		cfg: cfg, hosts: deliver.NewHosts(), wake: make(chan struct{}, 1), ran: make(chan struct{}), painting: make(chan struct{}, 2), limits: map[string]*bucket{},
		endpoints: map[string]*endpoint{}, pending: map[string]*job{}, flows: map[string][]*job{},
	}
	s.settled = sync.NewCond(&s.mu)
	s.base, s.abort = context.WithCancel(context.WithoutCancel(ctx))
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.front = s.handler()
	return s, nil
}

func (s *Server) open(ctx context.Context) (err error) {
	o := store.Options{Now: s.cfg.Now, Relaxed: s.cfg.Relaxed}
	if !s.cfg.Relaxed {
		// Not by size: what goes first could still be owed.
		o.Retention = store.Retention{Age: store.DefaultRetention().Age}
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return err
	}
	if s.store, err = store.Open(ctx, filepath.Join(s.cfg.Dir, "deliveries.db"), o); err != nil {
		return err // it has looked at the directory, too
	}
	if p := s.store.Problem(); p != nil {
		return p
	}
	now := s.cfg.Now()
	if s.journal, err = openJournal(s.cfg.Dir, now, s.cfg.TimeScale); err != nil {
		return err
	}
	s.key = s.journal.key
	then := s.journal.clock
	s.clock = newClock(s.cfg.Now, then.Shown, then.At, then.Scale)
	s.clock.scale = s.cfg.TimeScale // from here on
	if err := s.noteClock(); err != nil {
		return err
	}
	for _, k := range s.journal.endpoints {
		if k == nil {
			continue
		}
		e, err := s.newEndpoint(ctx, *k)
		if err != nil {
			return fmt.Errorf("endpoint %s: %w", k.ID, err)
		}
		s.endpoints[e.ID], s.order = e, append(s.order, e)
	}
	return s.loadBacklog(ctx)
}

// noteClock writes down what the clock shows.
func (s *Server) noteClock() error {
	s.edit.Lock()
	defer s.edit.Unlock()
	s.journal.clock = clockLine{At: s.cfg.Now(), Shown: s.clock.now(), Scale: s.cfg.TimeScale}
	return s.keep(line{Clock: &s.journal.clock})
}

// keep adds a line to the journal, which is written anew when it has become
// long. The caller holds edit.
func (s *Server) keep(l line) error {
	if s.journal.size > longJournal {
		s.journal.endpoints = nil
		for _, e := range s.list("") {
			s.journal.endpoints = append(s.journal.endpoints, &e.kept)
		}
		if err := s.journal.rewrite(); err != nil {
			return err
		}
	}
	return s.journal.write(l)
}

// ServeHTTP answers a call to one of the APIs.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.front.ServeHTTP(w, r) }

// Abort breaks the attempts under way off. They are made again by whoever opens
// the directory next.
func (s *Server) Abort() { s.abort() }

// Close closes the data directory. Run must have returned.
func (s *Server) Close() error {
	s.abort()
	var errs []error
	if s.journal != nil {
		errs = append(errs, s.journal.close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}

// Pending returns how many deliveries are still owed.
func (s *Server) Pending() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending)
}

// emulates says whether a provider is one of those that were asked for.
func (s *Server) emulates(id string) bool {
	return len(s.cfg.Providers) == 0 || slices.Contains(s.cfg.Providers, id)
}

// An EventKind is what sort of thing happened.
type EventKind string

// The kinds.
const (
	Called    EventKind = "call"    // an API was called
	Attempted EventKind = "attempt" // an attempt was made
	Emitted   EventKind = "event"   // an event happened
	Noted     EventKind = "note"    // something that a person should know
)

// An Event is something that happened.
type Event struct {
	Kind EventKind

	// Of a call.
	Provider     string // whose API it is, "" for the control API
	Method, Path string
	Status       int
	Duration     time.Duration

	// Of an attempt; of an event Delivery is unsigned and only to be looked at.
	Delivery   *webhook.Delivery
	Attempt    *webhook.Attempt
	EndpointID string
	Next       time.Time // when the next attempt is made, in real time; zero if none is
	GaveUp     bool      // it was the last, and it failed
	Endpoints  int       // how many endpoints an event goes to

	Note string
}

func (s *Server) note(format string, args ...any) {
	s.cfg.Observe(Event{Kind: Noted, Note: safetext.Line(fmt.Sprintf(format, args...))})
}
