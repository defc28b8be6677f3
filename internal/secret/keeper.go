package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/filelock"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// An Entry is one secret that is kept. Of several the newest is first.
type Entry struct {
	Secret    safetext.Secret
	CreatedAt time.Time
	NotAfter  time.Time // zero for never
}

// Where is the place that a secret is kept in.
type Where string

// The places.
const (
	InKeyring Where = "keyring"
	InFile    Where = "file"
)

// A Keeper keeps secrets by profile and name, each with those that it replaced
// and that count for a while. Several processes may keep in the same place at
// the same time.
type Keeper struct {
	Dir     string   // of the user, for the secrets alone; is made 0700
	Keyring *Keyring // nil for none
	Now     func() time.Time
}

// file is what is in the file: secrets, and the names of those that are in the
// keyring, which has no way to list them.
type file struct {
	Version int               `json:"version"`
	Secrets map[string][]item `json:"secrets,omitempty"` // by slot
	Keyring []string          `json:"keyring,omitempty"` // slots, sorted
}

// item is an Entry as it is written. It is the only place in the program where
// a secret is encoded as it is.
type item struct {
	Secret    string     `json:"secret"`
	CreatedAt time.Time  `json:"created_at"`
	NotAfter  *time.Time `json:"not_after,omitempty"`
}

const (
	fileName    = "secrets.json"
	fileVersion = 1
)

// slot is the name under which a secret of a profile is kept.
func slot(profile, name string) (string, error) {
	for _, part := range []string{profile, name} {
		if part != "" && !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(part) {
			return "", fmt.Errorf("%q is not a name, which has letters, digits, dots, - and _", part)
		}
	}
	if name == "" {
		return "", errors.New("the name is empty")
	}
	return profile + "/" + name, nil
}

func (k *Keeper) path() string { return filepath.Join(k.Dir, fileName) }

// read returns what is in the file; an empty one if there is none.
func (k *Keeper) read() (*file, error) {
	f := &file{Version: fileVersion}
	text, err := readPrivate(k.path())
	if err != nil || text == nil {
		return f, err
	}
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("%s is damaged; move it away to begin with a new one", k.path())
	}
	if f.Version > fileVersion {
		return nil, fmt.Errorf("%s was made by a newer hooks", k.path())
	}
	return f, nil
}

// change lets edit change the file while no other process does.
func (k *Keeper) change(edit func(*file) error) error {
	if err := makePrivateDir(k.Dir); err != nil {
		return err
	}
	unlock, err := filelock.Hold(filepath.Join(k.Dir, "lock"))
	if err != nil {
		return fmt.Errorf("wait for another hooks: %w", err)
	}
	defer unlock()
	f, err := k.read()
	if err != nil {
		return err
	}
	if err := edit(f); err != nil {
		return err
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return writePrivate(k.path(), append(text, '\n'))
}

// Get returns what is kept under a name, the newest first, and none if nothing
// is.
func (k *Keeper) Get(ctx context.Context, profile, name string) ([]Entry, Where, error) {
	key, err := slot(profile, name)
	if err != nil {
		return nil, "", nil // nothing can be kept under what is not a name
	}
	f, err := k.read()
	if err != nil {
		return nil, "", fmt.Errorf("read secrets: %w", err)
	}
	return k.get(ctx, f, key)
}

func (k *Keeper) get(ctx context.Context, f *file, key string) ([]Entry, Where, error) {
	if items, ok := f.Secrets[key]; ok {
		return entries(items), InFile, nil
	}
	if !slices.Contains(f.Keyring, key) {
		return nil, "", nil
	}
	text, err := k.Keyring.get(ctx, key)
	if errors.Is(err, errNotInKeyring) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("the secret of %s is in the system's keyring: %w", strings.TrimPrefix(key, "/"), err)
	}
	var items []item
	if err := json.Unmarshal([]byte(text), &items); err != nil {
		return nil, "", fmt.Errorf("the keyring's entry for %s is damaged; set the secret again", strings.TrimPrefix(key, "/"))
	}
	return entries(items), InKeyring, nil
}

func entries(items []item) []Entry {
	list := make([]Entry, len(items))
	for i, it := range items {
		list[i] = Entry{Secret: safetext.NewSecret(it.Secret), CreatedAt: it.CreatedAt}
		if it.NotAfter != nil {
			list[i].NotAfter = *it.NotAfter
		}
	}
	return list
}

// Set keeps a secret in the place of what was kept under the name. It is in the
// keyring if there is one that takes it, unless inFile is wanted.
func (k *Keeper) Set(ctx context.Context, profile, name string, s safetext.Secret, inFile bool) (Where, error) {
	return k.put(ctx, profile, name, s, inFile, func([]Entry, time.Time) []Entry { return nil })
}

// Rotate keeps a secret as the newest and lets the one before count for as long
// as keepOld. What had replaced others before stays until its own end.
func (k *Keeper) Rotate(ctx context.Context, profile, name string, s safetext.Secret, keepOld time.Duration, inFile bool) (Where, error) {
	return k.put(ctx, profile, name, s, inFile, func(old []Entry, now time.Time) []Entry {
		var still []Entry
		for _, e := range old {
			if end := now.Add(keepOld); e.NotAfter.IsZero() || end.Before(e.NotAfter) {
				e.NotAfter = end
			}
			if now.Before(e.NotAfter) && len(still) < maxPrevious {
				still = append(still, e)
			}
		}
		return still
	})
}

// maxPrevious is how many replaced secrets count at the same time; together
// with the newest they are as many as are ever tried.
const maxPrevious = 15

func (k *Keeper) put(ctx context.Context, profile, name string, s safetext.Secret, inFile bool, keep func([]Entry, time.Time) []Entry) (Where, error) {
	if err := check(s); err != nil {
		return "", err
	}
	key, err := slot(profile, name)
	if err != nil {
		return "", err
	}
	where := InFile
	err = k.change(func(f *file) error {
		old, _, err := k.get(ctx, f, key)
		if err != nil {
			return err
		}
		now := k.Now()
		items := []item{{Secret: s.Reveal(), CreatedAt: now.UTC()}}
		for _, e := range keep(old, now) {
			end := e.NotAfter.UTC()
			items = append(items, item{Secret: e.Secret.Reveal(), CreatedAt: e.CreatedAt, NotAfter: &end})
		}
		if !inFile && k.intoKeyring(ctx, key, items) {
			where = InKeyring
			delete(f.Secrets, key)
			f.Keyring = add(f.Keyring, key)
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err // a person gave up, and does not want it in a file instead
		}
		if slices.Contains(f.Keyring, key) { // it must not come back one day
			if err := k.Keyring.delete(ctx, key); err != nil && !errors.Is(err, errNotInKeyring) {
				return fmt.Errorf("remove the old secret from the keyring: %w", err)
			}
			f.Keyring = slices.DeleteFunc(f.Keyring, func(s string) bool { return s == key })
		}
		if f.Secrets == nil {
			f.Secrets = map[string][]item{}
		}
		f.Secrets[key] = items
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("keep the secret: %w", err)
	}
	return where, nil
}

// intoKeyring says whether the keyring took the items. If it did not, for
// whatever reason, the file is the place.
func (k *Keeper) intoKeyring(ctx context.Context, key string, items []item) bool {
	if k.Keyring == nil {
		return false
	}
	text, err := json.Marshal(items)
	return err == nil && k.Keyring.set(ctx, key, string(text)) == nil
}

func add(list []string, key string) []string {
	if !slices.Contains(list, key) {
		list = append(list, key)
		slices.Sort(list)
	}
	return list
}

// Delete forgets everything under a name, and says whether there was anything.
func (k *Keeper) Delete(ctx context.Context, profile, name string) (bool, error) {
	key, err := slot(profile, name)
	if err != nil {
		return false, err
	}
	f, err := k.read()
	if err != nil {
		return false, fmt.Errorf("read secrets: %w", err)
	}
	if _, ok := f.Secrets[key]; !ok && !slices.Contains(f.Keyring, key) {
		return false, nil
	}
	err = k.change(func(f *file) error {
		if slices.Contains(f.Keyring, key) {
			if err := k.Keyring.delete(ctx, key); err != nil && !errors.Is(err, errNotInKeyring) {
				return err
			}
		}
		delete(f.Secrets, key)
		f.Keyring = slices.DeleteFunc(f.Keyring, func(s string) bool { return s == key })
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("delete the secret: %w", err)
	}
	return true, nil
}

// A Kept is what can be told of a secret without showing it.
type Kept struct {
	Profile string // "" for none
	Name    string
	Where   Where
}

// List returns what is kept, by profile and name.
func (k *Keeper) List() ([]Kept, error) {
	f, err := k.read()
	if err != nil {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	var list []Kept
	add := func(key string, where Where) {
		profile, name, _ := strings.Cut(key, "/")
		list = append(list, Kept{Profile: profile, Name: name, Where: where})
	}
	for key := range f.Secrets {
		add(key, InFile)
	}
	for _, key := range f.Keyring {
		add(key, InKeyring)
	}
	slices.SortFunc(list, func(a, b Kept) int {
		return strings.Compare(a.Profile+"/"+a.Name, b.Profile+"/"+b.Name)
	})
	return list, nil
}
