package tunnel

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// memory is what one run remembers for the next: the name of each tunnel, a
// key by which relays without tokens know this user again, and the key of
// delivery ids. A run without it works; names then change.
type memory struct {
	env  *cli.Env
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
func openMemory(env *cli.Env) *memory {
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
		m.data.Key, m.data.IDKey = "hkc_"+random(), random()
		m.write()
	}
	return m
}

func random() string {
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
