package cli

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/relay"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/wire"
	"github.com/hooks-cli/hooks/internal/workspace"
)

// Relay is the flags of a command that goes through a relay.
type Relay struct {
	URL   string
	Token string
	Name  string
	Share string
	Seal  bool
}

// Bind declares the flags on cmd.
func (r *Relay) Bind(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&r.URL, "relay", "", "the relay's `URL`; else HOOKS_RELAY or the setting relay")
	fs.StringVar(&r.Token, "token", "", "the relay's token `T`: env:NAME, @FILE, -, or the text; else HOOKS_RELAY_TOKEN or hooks secrets set relay")
	fs.StringVar(&r.Name, "name", "", "the `NAME` in the URL; else the last one of this relay and target, else one that the relay makes up")
	Choice(cmd, &r.Share, "share", "exclusive",
		"several clients on one name: exclusive: the newest has it; one-of-n: they take turns; broadcast: each gets everything, and the first answers",
		"exclusive", "one-of-n", "broadcast")
	fs.BoolVar(&r.Seal, "seal", false, "have the relay seal the bodies that it keeps, so that only this machine can read them")
}

// A RelayPlace is a relay and what is needed to connect to it.
type RelayPlace struct {
	URL   *url.URL
	Name  string          // "" lets the relay invent one
	Token safetext.Secret // never empty: without a token it is the key that this user is known by
	Given bool            // there is a token of the relay's
	IDKey []byte          // makes ids of deliveries from the relay's
	// Instance is what a relay knows this client by that gives each of several
	// clients everything: the same in the next run. "" is one for each run.
	Instance string
	// Key opens what the relay has sealed for this user.
	Key *wire.SealKey

	memory *memory
	place  string
}

// Remember keeps the name for the next run.
func (p *RelayPlace) Remember(name string) { p.memory.remember(p.place, name) }

// FindRelay finds out which relay to go through, with which token, and under
// which name target was exposed there the last time. That traffic would be in
// the clear is told.
func (e *Env) FindRelay(ctx context.Context, r Relay, target string) (*RelayPlace, error) {
	if r.Name != "" && !relay.ValidName(r.Name) {
		return nil, Usagef("--name: %q is no name for a tunnel: 3 to 63 of the characters a-z, 0-9 and -, and no word that a relay keeps for itself", r.Name)
	}
	u, err := e.relayURL(r)
	if err != nil {
		return nil, err
	}
	token, err := e.relayToken(ctx, r)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "http" && !address.LoopbackURL(u) {
		what := "requests cross"
		if !token.Empty() {
			what = "the token and all requests cross"
		}
		e.Warn(what + " the network to " + u.Host + " in the clear")
	}
	m := openMemory(e)
	p := &RelayPlace{URL: u, Name: r.Name, Token: token, Given: !token.Empty(), IDKey: m.idKey(), memory: m, place: u.String() + " " + target}
	if p.Name == "" {
		p.Name = m.name(p.place)
	}
	if token.Empty() {
		p.Token = m.key()
	}
	if r.Seal && r.Share != "exclusive" {
		return nil, Usagef("--seal and --share %s exclude each other: each client has a key of its own", r.Share)
	}
	seal := hmac.New(sha256.New, p.IDKey)
	seal.Write([]byte("seal"))
	if p.Key, err = wire.NewSealKey(seal.Sum(nil)); err != nil {
		return nil, Failed(err)
	}
	if r.Share == "broadcast" {
		mac := hmac.New(sha256.New, p.IDKey)
		mac.Write([]byte("instance " + p.place))
		p.Instance = hex.EncodeToString(mac.Sum(nil)[:16])
	}
	return p, nil
}

func (e *Env) relayURL(r Relay) (*url.URL, error) {
	text := r.URL
	if text == "" {
		settings, err := e.Workspace().Settings()
		if err != nil {
			return nil, err
		}
		text = settings.Relay()
	}
	if text == "" {
		return nil, Usage(errors.New("no relay to go through"),
			"give --relay URL, set HOOKS_RELAY, or hooks config set relay URL",
			"hooks relay starts one, on this machine or on a server of yours")
	}
	u, err := address.ParseURL(text)
	switch {
	case err != nil:
		return nil, Usage(fmt.Errorf("--relay: %w", err))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, Usagef("--relay is a URL without user, query and fragment")
	}
	return u, nil
}

// relayToken finds the token; it is empty if there is none.
func (e *Env) relayToken(ctx context.Context, r Relay) (safetext.Secret, error) {
	switch {
	case r.Token != "":
		s, err := e.Secret(r.Token)
		if err != nil {
			return s, WithHints(fmt.Errorf("--token: %w", err))
		}
		if IsLiteral(r.Token) && (e.InTerminal || e.ErrTerminal) {
			e.WarnOnce("other users of this machine can read --token in the list of processes",
				"keep it once: hooks secrets set relay")
		}
		return s, nil
	case e.Getenv("HOOKS_RELAY_TOKEN") != "":
		return safetext.NewSecret(e.Getenv("HOOKS_RELAY_TOKEN")), nil
	}
	found, err := e.Workspace().Secrets()
	if err != nil {
		return safetext.Secret{}, err
	}
	// The variables of signing secrets are no tokens, and must not travel.
	own := secret.Resolver{Configured: found.Configured, Keeper: found.Keeper, Profile: found.Profile, Now: found.Now}
	named, err := own.For(ctx, workspace.RelayName)
	if err != nil || len(named) == 0 {
		return safetext.Secret{}, err
	}
	return named[0].Secret, nil
}

// memory is what one run remembers for the next: the name of each tunnel, a
// key by which relays without tokens know this user again, and the key of
// delivery ids. A run without it works; names then change.
type memory struct {
	env  *Env
	path string

	mu   sync.Mutex // guards data
	data remembered
}

type remembered struct {
	Names map[string]string `json:"names"` // by relay and target
	Key   string            `json:"key"`
	IDKey string            `json:"id_key"`
}

// openMemory reads what is remembered, and makes the keys the first time.
func openMemory(env *Env) *memory {
	m := &memory{env: env, path: filepath.Join(env.Dirs.State, "tunnels.json")}
	text, err := os.ReadFile(m.path)
	if err == nil {
		err = json.Unmarshal(text, &m.data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		env.Warn("the names of earlier tunnels are lost: " + err.Error())
	}
	if m.data.Names == nil {
		m.data.Names = make(map[string]string)
	}
	if m.data.Key == "" || m.data.IDKey == "" {
		m.data.Key, m.data.IDKey = "hkc_"+randomKey(), randomKey()
		m.write()
	}
	return m
}

func randomKey() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (m *memory) name(place string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data.Names[place]
}

// key is what a relay without tokens may know this user by.
func (m *memory) key() safetext.Secret {
	m.mu.Lock()
	defer m.mu.Unlock()
	return safetext.NewSecret(m.data.Key)
}

func (m *memory) idKey() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return []byte(m.data.IDKey)
}

func (m *memory) remember(place, name string) {
	m.mu.Lock()
	same := m.data.Names[place] == name
	m.data.Names[place] = name
	m.mu.Unlock()
	if !same {
		m.write()
	}
}

func (m *memory) write() {
	m.mu.Lock()
	text, err := json.MarshalIndent(m.data, "", "  ")
	m.mu.Unlock()
	if err == nil {
		err = os.MkdirAll(filepath.Dir(m.path), 0o700)
	}
	if err == nil {
		err = m.env.WriteFile(m.path, append(text, '\n'))
	}
	if err != nil {
		m.env.Warn("the name of this tunnel is not remembered: " + err.Error())
	}
}

// Ended gives the error that a tunnel through the relay ended with its meaning
// for a person, nil if there is none.
func (p *RelayPlace) Ended(err error) error {
	var r *tunnel.RefusedError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &r):
		return Failed(err)
	case r.Code == wire.CloseReplaced:
		return Failed(err, "several clients share a name with --share one-of-n or --share broadcast, given to each of them")
	case r.Status == http.StatusUnauthorized && !p.Given:
		return Failed(err, "the relay wants a token: hooks secrets set relay, or --token env:NAME")
	case r.Status == http.StatusUnauthorized:
		return Failed(err, "hooks relay token list shows which tokens the relay has")
	case r.Status == http.StatusForbidden:
		return Failed(err, "hooks relay token list shows which names a token is for; --name asks for one of them")
	case r.Status == http.StatusConflict:
		return Failed(err, "choose another --name")
	case r.Status == http.StatusBadRequest:
		return Usage(err)
	}
	return Failed(err)
}
