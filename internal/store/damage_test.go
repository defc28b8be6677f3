package store_test

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// filled makes a store file with deliveries of all sizes and returns their
// JSON by id.
func filled(t *testing.T, n int) (path string, want map[string]string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "events.db")
	s, err := store.Open(t.Context(), path, store.Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	var all []*webhook.Delivery
	for i := range n {
		d := sample(fmt.Sprint("evt_", i))
		d.Body = append(d.Body, strings.Repeat("x", rand.IntN(3000))...)
		if i%40 == 0 {
			d.Body = append(d.Body, strings.Repeat("y", 30_000)...)
		}
		if i%5 == 0 {
			d.Attempts = []webhook.Attempt{{Number: 1, URL: "http://a/", At: d.ReceivedAt, Response: &webhook.Response{Status: 200, Body: []byte("ok")}}}
		}
		all = append(all, d)
	}
	appendAll(t, s, all)
	settle(t, s)
	want = map[string]string{}
	for _, d := range all {
		want[d.ID] = text(t, d)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path, want
}

func text(t *testing.T, d *webhook.Delivery) string {
	t.Helper()
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBitFlips turns one bit at a time. Whatever it hits: nothing that is read
// differs from what was stored, the rest is still there, and a file that does
// not hold together is not written to.
func TestBitFlips(t *testing.T) {
	t.Parallel()
	flips, seed := 30, uint64(1) // the same places each time
	if os.Getenv("HOOKS_TEST_CRASH_CYCLES") != "" {
		flips, seed = 1_000, rand.Uint64()
	}
	random := rand.New(rand.NewPCG(seed, 0))
	path, want := filled(t, 120)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lost, unreadable := 0, 0
	for range flips {
		bit := random.IntN(len(whole) * 8)
		image := bytes.Clone(whole)
		image[bit/8] ^= 1 << (bit % 8)
		copied := filepath.Join(t.TempDir(), "events.db")
		if err := os.WriteFile(copied, image, 0o600); err != nil {
			t.Fatal(err)
		}
		t.Run(fmt.Sprintf("byte-%d-bit-%d", bit/8, bit%8), func(t *testing.T) {
			missing, ok := readDamaged(t, copied, want)
			if !ok {
				unreadable++
			}
			lost += missing
			after, err := os.ReadFile(copied)
			if err != nil || !bytes.Equal(after, image) {
				t.Errorf("reading has changed the file, %v", err)
			}
		})
	}
	t.Logf("seed %d, %d flips: %d files unreadable, %d of %d deliveries lost in the others", seed, flips, unreadable, lost, flips*len(want))
	// A flip hits the first page, or the one that leads to all others, once in
	// a hundred times; else it takes a page's worth of deliveries at most.
	if unreadable > flips/10+1 || lost > 6*flips {
		t.Errorf("too much is lost")
	}
}

// TestFlipsInTheIndexOfAttempts: no delivery is shown with the attempt of
// another.
func TestFlipsInTheIndexOfAttempts(t *testing.T) {
	t.Parallel()
	path, want := filled(t, 40)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var page, size int
	if err := db.QueryRow("SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'attempt_of'").Scan(&page, &size); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := page*size - 40; at < page*size; at++ { // where the entries are
		if whole[at] == 4 { // how long the head of an entry is: of one without a right head SQLite can tell nothing
			continue
		}
		image := bytes.Clone(whole)
		image[at] ^= 2
		copied := filepath.Join(t.TempDir(), "events.db")
		if err := os.WriteFile(copied, image, 0o600); err != nil {
			t.Fatal(err)
		}
		s := openAt(t, copied, store.Options{})
		page, err := s.List(t.Context(), store.Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Deliveries {
			if len(d.Attempts) > 0 && text(t, d) != want[d.ID] {
				t.Errorf("byte %d: %s has an attempt that began at %v", at, d.EventID, d.Attempts[0].At)
			}
		}
	}
}

// readDamaged lists a damaged store and says how many deliveries are not in
// the list.
func readDamaged(t *testing.T, path string, want map[string]string) (missing int, ok bool) {
	t.Helper()
	s, err := store.Open(t.Context(), path, store.Options{Now: time.Now})
	if err != nil {
		var f *store.FileError
		if !errors.As(err, &f) && !errors.Is(err, store.ErrIO) {
			t.Errorf("Open: %v", err)
		}
		return 0, false
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	page, err := s.List(t.Context(), store.Query{})
	if err != nil {
		return 0, false
	}
	for _, d := range page.Deliveries {
		if text(t, d) != want[d.ID] {
			t.Errorf("%s was silently changed:\n%s\nwant\n%s", d.ID, text(t, d), want[d.ID])
		}
	}
	for _, query := range []store.Query{{Provider: "canvelete"}, {Failed: true}} {
		if _, err := s.List(t.Context(), query); err != nil {
			t.Errorf("List %+v: %v", query, err)
		}
	}
	if _, err := s.Search(t.Context(), "evt_77", store.Query{}); err != nil {
		t.Errorf("Search: %v", err)
	}
	missing = len(want) - len(page.Deliveries)
	if missing > 0 && len(page.Damaged) == 0 && s.Problem() == nil {
		t.Errorf("%d deliveries are missing and nothing says so", missing)
	}
	return missing, true
}

// TestNotOurs: what is no store of this version is refused with a reason and
// left as it is.
func TestNotOurs(t *testing.T) {
	t.Parallel()
	path, _ := filled(t, 20)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	patched := func(at int, value uint32) []byte {
		image := bytes.Clone(whole)
		binary.BigEndian.PutUint32(image[at:], value)
		return image
	}
	for _, c := range []struct {
		name    string
		image   []byte
		problem store.Problem
		says    string
	}{
		{"empty", nil, store.Foreign, "is empty"},
		{"text", []byte("events:\n  - one\n"), store.Foreign, "is not a store"},
		{"longer-text", bytes.Repeat([]byte("not a database\n"), 1000), store.Foreign, "is not a store"},
		{"other-program", patched(68, 0x12345678), store.Foreign, "another program"},
		{"newer", patched(60, 99), store.Newer, "newer hooks (version 99"},
		{"no-version", patched(60, 0), store.Damaged, "no version"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "events.db")
			if err := os.WriteFile(path, c.image, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), path, store.Options{Now: time.Now})
			if err == nil {
				defer s.Close()
			}
			var f *store.FileError
			if !errors.As(err, &f) || f.Problem != c.problem || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "--store") {
				t.Errorf("Open = %v, want %s, %q", err, c.problem, c.says)
			}
			onlyFile(t, path, c.image)
		})
	}
}

// onlyFile checks that a file is as it was and alone in its directory.
func onlyFile(t *testing.T, path string, image []byte) {
	t.Helper()
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(after, image) {
		t.Errorf("the file was changed, %v", err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("%v beside it, %v", entries, err)
	}
}

// TestCutShort: what is left of a file can be read, and nothing is written.
func TestCutShort(t *testing.T) {
	t.Parallel()
	path, want := filled(t, 120)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	image := whole[:len(whole)/2+100]
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	if missing, ok := readDamaged(t, path, want); !ok || missing == 0 || missing == len(want) {
		t.Errorf("%d of %d missing, readable %v, want some", missing, len(want), ok)
	}
	s := openAt(t, path, store.Options{})
	if p := s.Problem(); p == nil || p.Problem != store.Damaged || !strings.Contains(p.Error(), "cut short") {
		t.Errorf("Problem = %v", p)
	}
	var f *store.FileError
	if err := s.Append(t.Context(), sample("evt_1")); !errors.As(err, &f) || f.Problem != store.Damaged {
		t.Errorf("Append = %v, want that it is damaged", err)
	}
	onlyFile(t, path, image)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Skip("an open file cannot be moved here: ", err)
	}
	mustAppend(t, s, sample("evt_1")) // into a new one
	count(t, s, 1)
}

// TestDamagedRow: one changed body is reported by its id, and everything else
// can be read and written.
func TestDamagedRow(t *testing.T) {
	t.Parallel()
	path, want := filled(t, 20)
	s := openAt(t, path, store.Options{})
	marked := sample("evt_marked")
	marked.Body = []byte(`{"marked":"` + strings.Repeat("find me ", 20) + `"}`)
	mustAppend(t, s, marked)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(image, []byte("find me find me"))
	image[at] ^= 4
	if err := os.WriteFile(path, image, 0o600); err != nil {
		t.Fatal(err)
	}
	s = openAt(t, path, store.Options{})
	var damaged *store.DamagedError
	if _, err := s.Get(t.Context(), marked.ID); !errors.As(err, &damaged) || damaged.ID != marked.ID {
		t.Errorf("Get = %v, want damage of %s", err, marked.ID)
	}
	page, err := s.List(t.Context(), store.Query{})
	if err != nil || len(page.Deliveries) != len(want) || len(page.Damaged) != 1 || page.Damaged[0].ID != marked.ID {
		t.Errorf("List = %d, damaged %v, %v", len(page.Deliveries), page.Damaged, err)
	}
	mustAppend(t, s, sample("evt_more"))
	if n, err := s.Delete(t.Context(), marked.ID); n != 1 || err != nil {
		t.Errorf("Delete = %d, %v", n, err)
	}
}

func TestNoCreate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sub", "events.db")
	if _, err := store.Open(t.Context(), path, store.Options{Now: time.Now, NoCreate: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open = %v, want %v", err, fs.ErrNotExist)
	}
	if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its directory: %v, want %v", err, fs.ErrNotExist)
	}
}
