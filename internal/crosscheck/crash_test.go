package crosscheck

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A fate is what became of the deliveries of a run, by event id.
type fate struct {
	mu           sync.Mutex                   // guards the following
	sent         map[string][sha256.Size]byte // the body of each that was sent
	acknowledged map[string]bool              // and those that were answered with 200
	first        func()                       // is called when one was
	refused      []string                     // answers that are neither 200 nor a broken connection
}

func newFate() *fate {
	return &fate{sent: map[string][sha256.Size]byte{}, acknowledged: map[string]bool{}}
}

// TestCrash kills a listener under load, again and again on one store, and
// finds every delivery that it had answered with 200 in the store: once, byte
// for byte, and nothing that was never sent. HOOKS_TEST_CRASH_CYCLES says how
// often; alone, it is a short form.
func TestCrash(t *testing.T) {
	t.Parallel()
	cycles, longest := 2, 250*time.Millisecond
	if s := os.Getenv("HOOKS_TEST_CRASH_CYCLES"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		cycles, longest = n, 1450*time.Millisecond
	}
	const perStore = 10 // so that no retention has anything to remove
	acknowledged := 0
	for done := 0; done < cycles; done += perStore {
		h, f, store := newHome(t), newFate(), filepath.Join(t.TempDir(), "store.db")
		for cycle := done; cycle < min(done+perStore, cycles); cycle++ {
			h.crash(t, f, store, cycle, 50*time.Millisecond+rand.N(longest))
		}
		h.compare(t, f, store)
		acknowledged += len(f.acknowledged)
	}
	t.Logf("%d kills, %d deliveries acknowledged, 0 lost, 0 repeated, 0 altered", cycles, acknowledged)
}

// crash lets 16 senders loose on a listener and kills it after a while.
func (h home) crash(tb testing.TB, f *fate, store string, cycle int, after time.Duration) {
	tb.Helper()
	begin := time.Now()
	l := h.listen(tb, "--store", store)
	if ready := time.Since(begin); ready > 30*time.Second {
		tb.Errorf("the listener was ready after %v", ready)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for l.lines.Scan() { // its output must not hold it up
		}
	}()
	ctx, stop := context.WithCancel(tb.Context())
	begun := make(chan struct{})
	f.first = sync.OnceFunc(func() { close(begun) })
	var senders sync.WaitGroup
	for sender := range 16 {
		senders.Go(func() { f.send(ctx, l.url, fmt.Sprintf("evt_%d_%d_", cycle, sender)) })
	}
	select {
	case <-begun: // on a slow machine nothing would be tested before
		<-time.After(after)
	case <-time.After(patience):
	}
	if err := l.cmd.Process.Kill(); err != nil {
		tb.Fatal(err)
	}
	<-drained
	_ = l.cmd.Wait() // it says that it was killed
	stop()
	senders.Wait()
	if len(f.refused) > 0 {
		tb.Fatalf("a sound delivery was answered with %s\n%s", f.refused[0], l.said)
	}
}

// send delivers one event after the other until the listener is gone.
func (f *fate) send(ctx context.Context, url, prefix string) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for n := 0; ctx.Err() == nil; n++ {
		id := prefix + strconv.Itoa(n)
		body := fmt.Appendf(nil, `{"eventId":%q,"eventType":"render.completed","timestamp":"2026-01-15T10:30:00Z","data":{"fill":%q}}`,
			id, strings.Repeat("x", rand.N(2000)))
		f.mu.Lock()
		f.sent[id] = sha256.Sum256(body)
		f.mu.Unlock()
		status, err := post(ctx, client, url, body)
		if err != nil {
			return // nothing was promised
		}
		f.mu.Lock()
		if status == http.StatusOK {
			f.acknowledged[id] = true
			f.first()
		} else {
			f.refused = append(f.refused, fmt.Sprintf("%d: %s", status, id))
		}
		f.mu.Unlock()
	}
}

func post(ctx context.Context, client *http.Client, url string, body []byte) (int, error) {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/webhooks/canvelete", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Canvelete-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// compare holds the store against what the senders know. No command repairs it
// first.
func (h home) compare(tb testing.TB, f *fate, store string) {
	tb.Helper()
	args := []string{"events", "export", "--format", "json", "--store", store}
	r := h.run(tb, "", args...)
	r.want(tb, 0, args...)
	missing := maps.Clone(f.acknowledged)
	seen := map[string]bool{}
	for line := range strings.Lines(r.stdout) {
		d := decode(tb, line)
		switch want, sent := f.sent[d.EventID]; {
		case !sent:
			tb.Errorf("%s is in the store and was never sent", d.EventID)
		case seen[d.EventID]:
			tb.Errorf("%s is in the store twice", d.EventID)
		case sha256.Sum256(d.bytes(tb)) != want:
			tb.Errorf("%s is not what was sent", d.EventID)
		}
		seen[d.EventID] = true
		delete(missing, d.EventID)
	}
	if len(missing) > 0 {
		tb.Errorf("of %d acknowledged deliveries %d are lost", len(f.acknowledged), len(missing))
	}
	if len(f.acknowledged) == 0 {
		tb.Error("no delivery was acknowledged: nothing was tested")
	}
}
