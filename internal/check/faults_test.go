package check_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
)

const secretText = "a secret of some length"

// A handler is written by hand for the timestamped scheme of Slack, "v0=" and
// the HMAC of "v0:TIMESTAMP:BODY", and is right but for the one fault that a
// test gives it.
type handler struct {
	fault string

	mu       sync.Mutex
	handled  map[string]int
	believed sync.Map // signatures
	effects  atomic.Int64
	dead     atomic.Bool
}

func (h *handler) is(fault string) bool { return h.fault == fault }

// verify says whether the request is genuine.
func (h *handler) verify(r *http.Request, body []byte) bool {
	given := r.Header.Get("X-Slack-Signature")
	stamp := r.Header.Get("X-Slack-Request-Timestamp")
	content := "v0:" + stamp + ":" + string(body)
	switch h.fault {
	case "no-check":
		return true
	case "only-presence":
		return given != ""
	case "remembers":
		if _, known := h.believed.Load(given); known {
			return true
		}
	case "unsigned-passes":
		if given == "" {
			return true
		}
	case "reserialises":
		content = "v0:" + stamp + ":" + string(payload.Compact(body))
	case "ascii-only":
		if bytes.ContainsFunc(body, func(r rune) bool { return r > 0x7f }) {
			return false
		}
	}
	want := "v0=" + hex.EncodeToString(mac(sha256.New, content))
	switch h.fault {
	case "prefix-compare":
		if given == "" || !strings.HasPrefix(want, given) {
			return false
		}
	case "also-sha1":
		if given != want && given != "v0="+hex.EncodeToString(mac(sha1.New, content)) {
			return false
		}
	case "also-unkeyed":
		plain := sha256.Sum256([]byte(content))
		if given != want && given != "v0="+hex.EncodeToString(plain[:]) {
			return false
		}
	default:
		if !hmac.Equal([]byte(given), []byte(want)) {
			return false
		}
	}
	h.believed.Store(given, true)
	return h.fresh(stamp)
}

func mac(newHash func() hash.Hash, content string) []byte {
	m := hmac.New(newHash, []byte(secretText))
	_, _ = io.WriteString(m, content)
	return m.Sum(nil)
}

func (h *handler) fresh(stamp string) bool {
	n, err := strconv.ParseInt(stamp, 10, 64)
	age := time.Since(time.Unix(n, 0))
	switch h.fault {
	case "no-age":
		return err == nil
	case "only-past":
		return err == nil && age < 5*time.Minute
	case "only-future":
		return err == nil && age > -5*time.Minute
	}
	return err == nil && age.Abs() < 5*time.Minute
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.dead.Load() {
		panic(http.ErrAbortHandler)
	}
	if r.Method != http.MethodPost && !h.is("any-method") {
		http.Error(w, "no", http.StatusMethodNotAllowed)
		return
	}
	if h.before(w, r) {
		return
	}
	body, _ := io.ReadAll(r.Body)
	if h.is("small-limit") && len(body) > 100<<10 {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	if h.is("fails-when-large") && len(body) > 100<<10 {
		http.Error(w, "too large", http.StatusInternalServerError)
		return
	}
	if !h.verify(r, body) {
		h.refuse(w, r, body)
		return
	}
	h.handle(w, body)
}

// before answers what some faults do not even read.
func (h *handler) before(w http.ResponseWriter, r *http.Request) bool {
	given := r.Header.Get("X-Slack-Signature")
	switch h.fault {
	case "refuses-all":
		w.WriteHeader(http.StatusUnauthorized)
	case "redirects":
		http.Redirect(w, r, "/elsewhere/", http.StatusMovedPermanently)
	case "fails-unsigned":
		if given != "" {
			return false
		}
		w.WriteHeader(http.StatusInternalServerError)
	case "dies-of-garbage":
		if given == "" || strings.HasPrefix(given, "v0=") && !strings.Contains(given, "*") {
			return false
		}
		h.dead.Store(true)
		panic(http.ErrAbortHandler)
	case "needs-length":
		if r.ContentLength >= 0 {
			return false
		}
		w.WriteHeader(http.StatusLengthRequired)
	case "exact-type":
		if r.Header.Get("Content-Type") == "application/json" {
			return false
		}
		w.WriteHeader(http.StatusUnsupportedMediaType)
	default:
		return false
	}
	return true
}

func (h *handler) refuse(w http.ResponseWriter, r *http.Request, body []byte) {
	switch h.fault {
	case "tells-signature":
		want := mac(sha256.New, "v0:"+r.Header.Get("X-Slack-Request-Timestamp")+":"+string(body))
		http.Error(w, "expected "+strings.ToUpper(hex.EncodeToString(want)), http.StatusUnauthorized)
	case "tells-secret":
		w.Header().Set("X-Debug", secretText)
		w.WriteHeader(http.StatusForbidden)
	case "refuses-with-500":
		w.WriteHeader(http.StatusInternalServerError)
	case "refuses-with-200":
		w.WriteHeader(http.StatusOK)
	default:
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// handle answers a genuine event.
func (h *handler) handle(w http.ResponseWriter, body []byte) {
	kind := payload.FindOne(body, payload.MustPath("$.event.type")).Text()
	id := payload.FindOne(body, payload.MustPath("$.event_id")).Text()
	h.mu.Lock()
	if h.handled == nil {
		h.handled = map[string]int{}
	}
	h.handled[id]++
	again := h.handled[id] > 1
	h.mu.Unlock()
	switch {
	case again && !h.is("not-idempotent"):
	case h.is("works-later"):
		time.AfterFunc(100*time.Millisecond, func() { h.effects.Add(1) })
	default:
		h.effects.Add(1)
	}
	status := http.StatusOK
	refuse := func(when bool, as int) {
		if when {
			status = as
		}
	}
	switch h.fault {
	case "conflict-on-duplicate":
		refuse(again && id != "", http.StatusConflict)
	case "strict-fields":
		refuse(bytes.Contains(body, []byte(`hooks_check":`)), http.StatusBadRequest)
	case "strict-events":
		refuse(strings.HasPrefix(kind, "hooks_check"), http.StatusUnprocessableEntity)
	case "fails-malformed":
		refuse(payload.Valid(body) != nil, http.StatusInternalServerError)
	case "fails-shape":
		refuse(payload.Valid(body) == nil && kind == "" && len(body) < 100, http.StatusInternalServerError)
	case "fails-deep":
		refuse(bytes.HasPrefix(body, []byte("[[[[")), http.StatusInternalServerError)
	case "no-room-in-a-burst":
		h.mu.Lock()
		n := len(h.handled)
		h.mu.Unlock()
		refuse(n > 70, http.StatusServiceUnavailable)
	}
	w.WriteHeader(status)
}

// slackSecret is the secret that the handler has.
func slackSecret() []provider.NamedSecret {
	return []provider.NamedSecret{{Name: "test", Secret: safetext.NewSecret(secretText)}}
}

// TestFaults: of a handler with one fault exactly those cases fail that are
// about it.
func TestFaults(t *testing.T) {
	t.Parallel()
	rejects := []string{
		"rejects-empty-signature", "rejects-future-timestamp", "rejects-malformed-signature", "rejects-stale-timestamp", "rejects-swapped-event",
		"rejects-tampered-body", "rejects-tampered-timestamp", "rejects-truncated-signature", "rejects-unsigned", "rejects-wrong-algorithm", "rejects-wrong-secret",
	}
	tests := map[string][]string{
		"":                      nil,
		"no-check":              rejects,
		"refuses-with-200":      rejects,
		"refuses-with-500":      rejects,
		"only-presence":         slices.DeleteFunc(slices.Clone(rejects), func(id string) bool { return id == "rejects-unsigned" }),
		"remembers":             {"rejects-swapped-event"},
		"unsigned-passes":       {"rejects-empty-signature", "rejects-unsigned"},
		"fails-unsigned":        {"rejects-empty-signature", "rejects-unsigned"},
		"reserialises":          {"accepts-raw-body"},
		"ascii-only":            {"accepts-raw-body", "accepts-unicode"},
		"prefix-compare":        {"rejects-empty-signature", "rejects-truncated-signature"},
		"also-sha1":             {"rejects-wrong-algorithm"},
		"also-unkeyed":          {"rejects-wrong-algorithm"},
		"no-age":                {"rejects-future-timestamp", "rejects-stale-timestamp"},
		"only-past":             {"rejects-future-timestamp"},
		"only-future":           {"rejects-stale-timestamp"},
		"any-method":            {"survives-wrong-method"},
		"small-limit":           nil,
		"fails-when-large":      {"accepts-large-body"},
		"needs-length":          {"accepts-chunked"},
		"exact-type":            {"accepts-charset"},
		"tells-signature":       {"hides-secret"},
		"tells-secret":          {"hides-secret"},
		"conflict-on-duplicate": {"accepts-duplicate"},
		"strict-fields":         {"accepts-extra-fields"},
		"strict-events":         {"accepts-unknown-event"},
		"fails-malformed":       {"survives-empty-body", "survives-invalid-utf8", "survives-malformed-json"},
		"fails-shape":           {"survives-wrong-shape"},
		"fails-deep":            {"survives-deep-json"},
		"not-idempotent":        nil,
		"dies-of-garbage":       {"alive-at-end", "rejects-malformed-signature"},
	}
	p := get(t, "slack")
	for fault, want := range tests {
		t.Run("fault "+fault, func(t *testing.T) {
			t.Parallel()
			r := run(t, options(t, p, slackSecret(), &handler{fault: fault}))
			if got := failures(r); !slices.Equal(got, want) {
				t.Errorf("failed %v, want %v", got, want)
				for _, c := range r.Cases {
					t.Logf("%s %s: %s", c.Status, c.ID, c.Actual)
				}
			}
			for _, c := range r.Cases {
				if c.Status == check.Failed && (c.Why == "" || c.Fix == "" || c.Reproduce == "" || c.Expected == "" || c.Actual == "") {
					t.Errorf("%+v lacks a word", c)
				}
			}
			b, _ := json.Marshal(r)
			if strings.Contains(string(b), secretText) {
				t.Errorf("the report holds the secret")
			}
		})
	}
}
