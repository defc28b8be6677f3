package relay

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/cluster"
	"github.com/hooks-cli/hooks/internal/filelock"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// TokenPrefix begins every token, so that a leaked one is recognised.
const TokenPrefix = "hkt_"

// NewToken makes a token: 160 random bits and a checksum, so that a token that
// was cut or mistyped is told from one that is unknown.
func NewToken(random io.Reader) (safetext.Secret, error) {
	var b [24]byte
	if _, err := io.ReadFull(random, b[:20]); err != nil {
		return safetext.Secret{}, fmt.Errorf("make a token: %w", err)
	}
	sum := crc32.ChecksumIEEE(b[:20])
	b[20], b[21], b[22], b[23] = byte(sum>>24), byte(sum>>16), byte(sum>>8), byte(sum)
	return safetext.NewSecret(TokenPrefix + strings.ToLower(tokenText().EncodeToString(b[:]))), nil
}

func tokenText() *base32.Encoding { return base32.StdEncoding.WithPadding(base32.NoPadding) }

// CheckToken says what is wrong with the form of a token. The error does not
// contain it.
func CheckToken(t safetext.Secret) error {
	text, ok := strings.CutPrefix(t.Reveal(), TokenPrefix)
	if !ok {
		return errors.New("a token begins with " + TokenPrefix)
	}
	b, err := tokenText().DecodeString(strings.ToUpper(text))
	if err != nil || len(b) != 24 || strings.ToLower(text) != text {
		return errors.New("the token is cut or mistyped")
	}
	sum := crc32.ChecksumIEEE(b[:20])
	if !bytes.Equal(b[20:], []byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)}) {
		return errors.New("the token is cut or mistyped")
	}
	return nil
}

// A Token is what is kept of a token: everything but the token.
type Token struct {
	ID        string     `json:"id"`
	Label     string     `json:"label,omitempty"`
	SHA256    string     `json:"sha256"`
	Names     []string   `json:"names,omitempty"` // patterns; none: any name
	Rate      float64    `json:"rate,omitempty"`  // requests a second of each name; 0: the relay's
	CreatedAt time.Time  `json:"created_at"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`

	hash   [32]byte
	record []byte // as it is shared
}

// expired says whether the token is over as of now.
func (t *Token) expired(now time.Time) bool { return t.ExpiresAt != nil && !now.Before(*t.ExpiresAt) }

// HashToken is what a token is kept as.
func HashToken(t safetext.Secret) [32]byte { return sha256.Sum256([]byte(t.Reveal())) }

// MintToken makes a token and the record of it.
func MintToken(random io.Reader, now time.Time) (safetext.Secret, *Token, error) {
	secret, err := NewToken(random)
	if err != nil {
		return safetext.Secret{}, nil, err
	}
	hash := HashToken(secret)
	return secret, &Token{
		ID:        "tok_" + hex.EncodeToString(hash[:6]),
		SHA256:    hex.EncodeToString(hash[:]),
		CreatedAt: now.UTC().Truncate(time.Second),
		hash:      hash,
	}, nil
}

// ErrTokenFile is wrapped by the errors about the content of a token file.
var ErrTokenFile = errors.New("token file")

// ErrPermissions is wrapped by the error about a token file that others can
// read or write.
var ErrPermissions = errors.New("others can read or write it")

type tokenFile struct {
	Tokens []*Token `json:"tokens"`
}

// ReadTokens reads a token file. A file that is missing is an error that wraps
// fs.ErrNotExist.
func ReadTokens(path string) ([]*Token, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("read tokens: %s: %w (chmod 600)", path, ErrPermissions)
	}
	b, err := io.ReadAll(io.LimitReader(f, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("read tokens: %w", err)
	}
	return parseTokens(path, b)
}

func parseTokens(path string, b []byte) ([]*Token, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	var file tokenFile
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("%w %s: %w", ErrTokenFile, path, err)
	}
	if dec.More() {
		return nil, fmt.Errorf("%w %s: more than one document", ErrTokenFile, path)
	}
	for _, t := range file.Tokens {
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("%w %s: %w", ErrTokenFile, path, err)
		}
	}
	return file.Tokens, nil
}

// WriteTokens writes a token file as a whole or not at all, readable by its
// owner only.
func WriteTokens(path string, tokens []*Token) error {
	b, err := json.MarshalIndent(tokenFile{tokens}, "", "  ")
	if err != nil {
		return fmt.Errorf("write tokens: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write tokens: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("write tokens: %w", err)
	}
	return nil
}

// Tokens is the set of tokens that a relay accepts, kept fresh from its file.
type Tokens struct {
	path    string
	cluster *cluster.Cluster // in place of path

	mu      sync.RWMutex // guards the following
	set     tokenSet
	stamp   fileStamp
	version uint64 // in place of stamp
}

// A tokenSet finds tokens by their hashes: those that begin alike are compared,
// each in constant time.
type tokenSet struct {
	list   []*Token
	alike  map[[8]byte][]*Token
	lapses time.Time // when the next token expires; zero if none does
}

// newTokenSet makes a set as it stands now.
func newTokenSet(list []*Token, now time.Time) tokenSet {
	s := tokenSet{list: list, alike: make(map[[8]byte][]*Token, len(list))}
	for _, t := range list {
		begin := [8]byte(t.hash[:8])
		s.alike[begin] = append(s.alike[begin], t)
	}
	s.await(now)
	return s
}

// await looks for the token that expires next.
func (s *tokenSet) await(now time.Time) {
	s.lapses = time.Time{}
	for _, t := range s.list {
		if t.ExpiresAt != nil && !t.expired(now) && (s.lapses.IsZero() || t.ExpiresAt.Before(s.lapses)) {
			s.lapses = *t.ExpiresAt
		}
	}
}

type fileStamp struct {
	mod  time.Time
	size int64
}

// LoadTokens reads the file. An empty set is an error: a relay that nobody can
// use is a mistake.
func LoadTokens(path string) (*Tokens, error) {
	stamp := stampOf(path) // before it is read: what is written meanwhile is read again
	list, err := ReadTokens(path)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%w %s: it has no tokens", ErrTokenFile, path)
	}
	return &Tokens{path: path, set: newTokenSet(list, time.Time{}), stamp: stamp}, nil
}

// stampOf tells a file that has changed; zero is none.
func stampOf(path string) fileStamp {
	info, err := os.Stat(path)
	if err != nil {
		return fileStamp{}
	}
	return fileStamp{info.ModTime(), info.Size()}
}

// Reload reads the file again if it has changed. On an error the old set
// stays. changed says that some tokens may be valid no longer.
func (t *Tokens) Reload(now time.Time) (changed bool, err error) {
	if t.cluster != nil {
		changed, err = t.reloadShared(now)
	} else {
		changed, err = t.reloadFile(now)
	}
	return t.lapsed(now) || changed, err
}

// lapsed says whether a token has expired since it was asked before.
func (t *Tokens) lapsed(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.set.lapses.IsZero() || now.Before(t.set.lapses) {
		return false
	}
	t.set.await(now)
	return true
}

func (t *Tokens) reloadFile(now time.Time) (changed bool, err error) {
	stamp := stampOf(t.path)
	t.mu.RLock()
	same := stamp == t.stamp
	t.mu.RUnlock()
	if same {
		return false, nil
	}
	list, err := ReadTokens(t.path)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stamp = stamp // a broken file, or none, is told once, not every second
	if err != nil {
		return false, err
	}
	t.set = newTokenSet(list, now)
	return true, nil
}

// SharedTokens is the set that relays share. It may be empty.
func SharedTokens(ctx context.Context, c *cluster.Cluster) (*Tokens, error) {
	list, err := ReadSharedTokens(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Tokens{cluster: c, set: newTokenSet(list, time.Time{})}, nil
}

// ReadSharedTokens reads the tokens that relays share.
func ReadSharedTokens(ctx context.Context, c *cluster.Cluster) ([]*Token, error) {
	records, err := c.ReadTokens(ctx)
	if err != nil {
		return nil, err
	}
	return parseRecords(records, nil)
}

func (t *Tokens) reloadShared(now time.Time) (changed bool, err error) {
	t.mu.RLock()
	same, old := t.cluster.TokensVersion() == t.version, t.set.list
	t.mu.RUnlock()
	if same {
		return false, nil
	}
	records, version := t.cluster.Tokens()
	list, err := parseRecords(records, old)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.version = version // a broken record is told once, not every second
	if err != nil {
		return false, err
	}
	t.set = newTokenSet(list, now)
	return true, nil
}

// parseRecords reads tokens as they are shared, in the order of their making.
// Those of old whose records are the same are taken over.
func parseRecords(records map[string][]byte, old []*Token) ([]*Token, error) {
	known := make(map[string]*Token, len(old))
	for _, t := range old {
		known[t.ID] = t
	}
	list := make([]*Token, 0, len(records))
	for id, b := range records {
		if t := known[id]; t != nil && bytes.Equal(t.record, b) {
			list = append(list, t)
			continue
		}
		t, err := ParseToken(b)
		if err != nil || t.ID != id {
			return nil, fmt.Errorf("%w: the record of %s is not understood", ErrTokenFile, id)
		}
		t.record = b
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *Token) int { return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.ID, b.ID)) })
	return list, nil
}

// ParseToken reads the record of one token.
func ParseToken(b []byte) (*Token, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	t := new(Token)
	if err := dec.Decode(t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTokenFile, err)
	}
	return t, t.check()
}

// check reads the hash of a record.
func (t *Token) check() error {
	h, err := hex.DecodeString(t.SHA256)
	if err != nil || len(h) != 32 || t.ID == "" {
		return fmt.Errorf("token %q has no valid sha256", t.ID)
	}
	if t.Rate < 0 {
		return fmt.Errorf("token %q: rate %g is below zero", t.ID, t.Rate)
	}
	t.hash = [32]byte(h)
	return nil
}

// Len is how many tokens there are.
func (t *Tokens) Len() int {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return len(t.set.list)
}

// find returns the token with this hash that is valid now.
func (t *Tokens) find(hash [32]byte, now time.Time) *Token {
	t.mu.RLock()
	defer t.mu.RUnlock()
	var found *Token
	for _, k := range t.set.alike[[8]byte(hash[:8])] {
		if subtle.ConstantTimeCompare(k.hash[:], hash[:]) == 1 {
			found = k
		}
	}
	if found == nil || found.expired(now) {
		return nil
	}
	return found
}

// AddToken adds a record to a file, which is made if it is not there.
func AddToken(path string, t *Token) error {
	release, err := holdTokens(path)
	if err != nil {
		return err
	}
	defer release()
	list, err := ReadTokens(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return WriteTokens(path, append(list, t))
}

// RemoveToken removes the records with this id or label, and returns how many
// there were.
func RemoveToken(path, id string) (int, error) {
	release, err := holdTokens(path)
	if err != nil {
		return 0, err
	}
	defer release()
	list, err := ReadTokens(path)
	if err != nil {
		return 0, err
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(t *Token) bool { return t.ID == id || t.Label == id })
	if len(kept) == len(list) {
		return 0, nil
	}
	return len(list) - len(kept), WriteTokens(path, kept)
}

// holdTokens keeps others from changing the token file until release is
// called: what they add would be lost.
func holdTokens(path string) (release func(), err error) {
	return filelock.Hold(filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lock"))
}

// newEventID makes an id that rises with time: 48 bits of milliseconds and 80
// random ones.
func newEventID(now time.Time) (id [16]byte) {
	_, _ = rand.Read(id[6:]) // never fails
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}
