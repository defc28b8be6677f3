package emulate

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/spelling"
)

// kept is an endpoint as the journal has it.
type kept struct {
	ID        string       `json:"id"`
	Provider  string       `json:"provider"`
	URL       string       `json:"url"`
	Events    []string     `json:"events"`
	Active    bool         `json:"active"`
	Secrets   []keptSecret `json:"secrets,omitempty"` // newest first
	Borrows   string       `json:"borrows,omitempty"` // or whose secrets sign: own or development
	CreatedAt time.Time    `json:"created_at"`

	FailingSince time.Time `json:"failing_since,omitzero"`
	LastError    string    `json:"last_error,omitempty"`
}

// Whose secrets sign for an endpoint that has none itself: those that the person
// keeps for the provider, or the development secret. The former are only for
// endpoints that the person has named; whoever can call the control API must not
// have anything signed with them that he can read.
const (
	ownSecrets        = "own"
	developmentSecret = "development"
)

// keptSecret is a secret of an endpoint. Until is when one that was replaced
// ends to count, by the clock of retries; zero for never.
type keptSecret struct {
	Text  string    `json:"text"`
	Given bool      `json:"given"` // by whoever registered; else made here
	Until time.Time `json:"until,omitzero"`
}

// An endpoint is registered. It is replaced as a whole when it changes; what
// Server.mu guards is in state, which all versions share.
type endpoint struct {
	kept
	provider *provider.Provider
	pattern  match.Pattern
	signer   *outgoing.Signer
	signedBy string // "given", "generated", or the name of a secret that hooks has
	shown    string // the secret as it may be told: of a key pair the public half
	*state
}

type state struct {
	open    int    // attempts under way
	ready   []*job // whose time has come, in order
	pending int
}

// An inputError is a mistake in what somebody asked for. Field is "" if it is
// not about one.
type inputError struct{ Field, Message, Hint string }

func (e *inputError) Error() string {
	if e.Field == "" {
		return e.Message
	}
	return e.Field + ": " + e.Message
}

var errFull = errors.New("there are as many endpoints as there can be")

// newEndpoint prepares what is kept.
func (s *Server) newEndpoint(ctx context.Context, k kept) (*endpoint, error) {
	p, err := s.cfg.Catalogue.Get(k.Provider)
	if err != nil {
		return nil, err
	}
	e := &endpoint{kept: k, provider: p, state: &state{}}
	if e.pattern, err = match.Parse(strings.Join(k.Events, ","), s.cfg.Catalogue.Has); err != nil {
		return nil, &inputError{Field: "events", Message: err.Error()}
	}
	named, err := s.secretsOf(ctx, e)
	if err != nil {
		return nil, err
	}
	if e.signer, err = outgoing.NewSigner(p, named...); err != nil {
		return nil, &inputError{Field: "secret", Message: err.Error()}
	}
	return e, nil
}

// secretsOf returns what signs for e, the newest first, under its id.
func (s *Server) secretsOf(ctx context.Context, e *endpoint) ([]provider.NamedSecret, error) {
	var out []provider.NamedSecret
	now := s.clock.now()
	e.Secrets = slices.DeleteFunc(e.Secrets, func(one keptSecret) bool { return one.expired(now) })
	for _, one := range e.Secrets {
		out = append(out, provider.NamedSecret{Name: e.ID, Secret: safetext.NewSecret(one.Text)})
	}
	if len(e.Secrets) > 0 {
		e.signedBy = map[bool]string{true: "given", false: "generated"}[e.Secrets[0].Given]
		e.shown = showable(e.provider, out[0].Secret)
		return out, nil
	}
	list, err := s.borrowed(ctx, e)
	for i, one := range list {
		if i == 0 {
			e.signedBy = one.Name
		}
		out = append(out, provider.NamedSecret{Name: e.ID, Secret: one.Secret})
	}
	return out, err
}

// borrowed returns the secrets that sign for an endpoint that has none itself.
func (s *Server) borrowed(ctx context.Context, e *endpoint) ([]secret.Named, error) {
	switch e.Borrows {
	case ownSecrets:
		list, err := s.cfg.Secrets(ctx, e.Provider)
		if err == nil && len(list) == 0 {
			err = errors.New("there is no secret for " + e.Provider + " any more")
		}
		return list, err
	case developmentSecret:
		if u, err := url.Parse(e.URL); err != nil || !secret.MayUseDevelopment(u) {
			return nil, &inputError{Field: "url", Message: "the development secret signs only for this machine", Hint: "give a secret as well"}
		}
		one, err := s.cfg.Development(e.Provider)
		return []secret.Named{one}, err
	}
	return nil, nil // it signs nothing
}

// showable is what a receiver needs of a secret that is its own: the text, or
// the public half of a pair.
func showable(p *provider.Provider, s safetext.Secret) string {
	if !p.SecretForm().KeyPair {
		return s.Reveal()
	}
	keys, err := p.Keys(s)
	if err != nil {
		return ""
	}
	for _, key := range keys {
		if text := key.PublicPEM(); text != "" {
			return text
		}
	}
	return ""
}

// hasExpired says whether a secret of e does not count any more.
func (e *endpoint) hasExpired(now time.Time) bool {
	return slices.ContainsFunc(e.Secrets, func(one keptSecret) bool { return one.expired(now) })
}

func (k keptSecret) expired(now time.Time) bool { return !k.Until.IsZero() && !k.Until.After(now) }

// A registration is what somebody wants registered.
type registration struct {
	provider string
	url      string
	events   []string
	active   bool
	secret   string
	named    bool // by the person who runs the emulator: his secrets may sign
	borrows  bool // without a secret, one that hooks has counts before a new one
}

// register makes an endpoint. The error is an *inputError, errFull, or that of
// the disk.
func (s *Server) register(ctx context.Context, r registration) (*endpoint, error) {
	if err := s.cfg.Reach.CheckURL(r.url); err != nil {
		return nil, &inputError{Field: "url", Message: err.Error()}
	}
	k := kept{ID: s.newID(r.provider), Provider: r.provider, URL: r.url, Events: r.events, Active: r.active, CreatedAt: s.cfg.Now().UTC()}
	if err := s.chooseSecret(ctx, &k, r); err != nil {
		return nil, err
	}
	e, err := s.newEndpoint(ctx, k)
	if err != nil {
		return nil, err
	}
	s.edit.Lock()
	defer s.edit.Unlock()
	if len(s.list("")) >= maxEndpoints {
		return nil, errFull
	}
	if err := s.keep(line{Endpoint: &k}); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints[e.ID], s.order = e, append(s.order, e)
	return e, nil
}

func (s *Server) chooseSecret(ctx context.Context, k *kept, r registration) error {
	if r.secret != "" {
		k.Secrets = []keptSecret{{Text: r.secret, Given: true}}
		return nil
	}
	if r.borrows && s.cfg.Secrets != nil {
		own, err := s.cfg.Secrets(ctx, k.Provider)
		if err != nil {
			return err
		}
		u, err := url.Parse(k.URL)
		switch {
		case err != nil:
			return err
		case len(own) > 0 && r.named:
			k.Borrows = ownSecrets
			return nil
		case len(own) == 0 && secret.MayUseDevelopment(u):
			var none *secret.NoSecretError
			if _, err := s.cfg.Development(k.Provider); !errors.As(err, &none) {
				k.Borrows = developmentSecret
				return err
			}
		}
	}
	made, err := s.makeSecret(k.Provider)
	if made != nil {
		k.Secrets = []keptSecret{*made}
	}
	return err
}

// makeSecret makes a secret in the provider's form; nil if it signs nothing.
func (s *Server) makeSecret(id string) (*keptSecret, error) {
	p, err := s.cfg.Catalogue.Get(id)
	if err != nil || len(p.Schemes()) == 0 {
		return nil, err
	}
	made, err := p.SecretForm().New()
	if err != nil {
		return nil, &inputError{Field: "secret", Message: err.Error()}
	}
	return &keptSecret{Text: made.Reveal()}, nil
}

// newID makes the id of an endpoint in the form that its provider gives them.
func (s *Server) newID(id string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	if id == sketchpenID {
		return uuid(b)
	}
	return "hook_" + hex.EncodeToString(b[:12])
}

// uuid writes b as a random UUID.
func uuid(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// change replaces an endpoint by one to which edit has been done; nil if there
// is none with this id. The error is an *inputError, or that of the disk.
func (s *Server) change(ctx context.Context, id string, edit func(*kept) error) (*endpoint, error) {
	s.edit.Lock()
	defer s.edit.Unlock()
	old := s.find(id, "")
	if old == nil {
		return nil, nil // there is none
	}
	k := old.kept
	k.Events, k.Secrets = slices.Clone(k.Events), slices.Clone(k.Secrets)
	if err := edit(&k); err != nil {
		return nil, err
	}
	if len(k.Secrets) > 0 {
		k.Borrows = ""
	}
	if k.Borrows == ownSecrets && k.URL != old.URL {
		return nil, &inputError{Field: "url", Message: "a secret of " + k.Provider + " that hooks keeps signs for this endpoint, so it stays where it is"}
	}
	if err := s.cfg.Reach.CheckURL(k.URL); err != nil {
		return nil, &inputError{Field: "url", Message: err.Error()}
	}
	e, err := s.newEndpoint(ctx, k)
	if err != nil {
		return nil, err
	}
	if err := s.keep(line{Endpoint: &e.kept}); err != nil {
		return nil, err
	}
	e.state = old.state
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endpoints[id] = e
	s.order[slices.Index(s.order, old)] = e
	return e, nil
}

// remove forgets an endpoint; it says whether there was one. What is owed to it
// is not sent any more.
func (s *Server) remove(id string) (bool, error) {
	s.edit.Lock()
	defer s.edit.Unlock()
	old := s.find(id, "")
	if old == nil {
		return false, nil
	}
	if err := s.keep(line{Deleted: id}); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.endpoints, id)
	s.order = slices.DeleteFunc(s.order, func(e *endpoint) bool { return e == old })
	for _, j := range s.pending { // each finds that its endpoint is gone, and says so
		if j.note.Endpoint == id && j.place >= 0 {
			s.moveLocked(j, time.Time{})
		}
	}
	for _, j := range old.ready {
		s.work.Go(func() { s.giveUp(j, deletedText) })
	}
	old.ready = nil
	s.look()
	return true, nil
}

// find returns the endpoint with this id, of this provider unless that is "";
// nil if there is none.
func (s *Server) find(id, provider string) *endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.endpoints[id]; e != nil && (provider == "" || e.Provider == provider) {
		return e
	}
	return nil
}

// list returns the endpoints of a provider, of all if it is "", in the order in
// which they were made.
func (s *Server) list(provider string) []*endpoint {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*endpoint
	for _, e := range s.order {
		if provider == "" || e.Provider == provider {
			out = append(out, e)
		}
	}
	return out
}

// knownEvents refuses types of events that a provider does not send.
func knownEvents(p *provider.Provider, types []string) error {
	var known []string
	for _, e := range p.Events {
		known = append(known, e.Type)
	}
	for _, t := range types {
		if slices.Contains(known, t) {
			continue
		}
		e := &inputError{Field: "events", Message: fmt.Sprintf("%s sends no event %q", p.ID, t)}
		if near := spelling.Nearest(t, known); near != "" {
			e.Hint = "did you mean " + near + "?"
		}
		return e
	}
	return nil
}

// Register registers rawURL for all events of a provider, with the secrets that
// hooks has for it, and returns its id. One that is registered already stays as
// it is.
func (s *Server) Register(ctx context.Context, id, rawURL string) (string, error) {
	for _, e := range s.list(id) {
		if e.URL == rawURL {
			return e.ID, nil
		}
	}
	e, err := s.register(ctx, registration{provider: id, url: rawURL, active: true, named: true, borrows: true})
	var input *inputError
	switch {
	case errors.As(err, &input):
		return "", errors.New(input.Message)
	case err != nil:
		return "", err
	}
	return e.ID, nil
}
