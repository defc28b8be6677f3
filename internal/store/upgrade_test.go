package store

import (
	"context"
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// old makes a store of version 1.
func old(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.db")
	s, err := Open(t.Context(), path, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func version(t *testing.T, path string) (n int, marks int) {
	t.Helper()
	db, err := connect(path, forReading, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("PRAGMA user_version").Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := db.QueryRow("SELECT count(*) FROM mark").Scan(&marks); err != nil && n > 1 {
		t.Fatal(err)
	}
	return n, marks
}

// TestUpgrade: every step is taken once, by whichever process comes first.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	path := old(t)
	list := []migration{
		"CREATE TABLE mark (n); INSERT INTO mark VALUES (1)",
		"INSERT INTO mark VALUES (2); ALTER TABLE delivery ADD COLUMN extra",
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := upgrade(context.Background(), path, list); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n, marks := version(t, path); n != 3 || marks != 2 {
		t.Errorf("version %d after %d steps, want 3 after 2", n, marks)
	}
	if err := inspect(path); err == nil {
		t.Error("a newer version was not seen in the file itself")
	}
}

// TestUpgradeFails: a step that fails leaves the old version.
func TestUpgradeFails(t *testing.T) {
	t.Parallel()
	path := old(t)
	list := []migration{"CREATE TABLE mark (n)", "INSERT INTO nowhere VALUES (1)"}
	if err := upgrade(t.Context(), path, list); err == nil {
		t.Error("no error")
	}
	if n, _ := version(t, path); n != 1 {
		t.Errorf("version %d, want 1", n)
	}
	s, err := Open(t.Context(), path, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestUpgradedMeanwhile: a process that still has the file open does not write
// to a version that it does not know.
func TestUpgradedMeanwhile(t *testing.T) {
	t.Parallel()
	path := old(t)
	s, err := Open(t.Context(), path, Options{Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Enqueue(t.Context(), Redelivery{ID: "dlv_01hf7yat3v0000000000000000"}); err != nil {
		t.Fatal(err)
	}
	if err := upgrade(t.Context(), path, []migration{"CREATE TABLE mark (n)"}); err != nil {
		t.Fatal(err)
	}
	err = s.Enqueue(t.Context(), Redelivery{ID: "dlv_01hf7yat3v0000000000000001"})
	if p := s.Problem(); err == nil || p == nil || p.Problem != Newer {
		t.Errorf("written to a newer version: %v, problem %v", err, p)
	}
	var n int
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow("SELECT count(*) FROM pending").Scan(&n); err != nil || n != 1 {
		t.Errorf("%d pending, %v, want 1", n, err)
	}
}
