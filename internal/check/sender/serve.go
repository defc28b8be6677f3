package sender

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/scheme"
)

// elsewhere ends the path that a redirect points to.
const elsewhere = "/hooks-check-redirected"

// maxBody is how much of a body is read.
const maxBody = 8 << 20

// ServeHTTP takes a delivery and answers it as the stage says.
func (x *Exam) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	at := x.o.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusRequestEntityTooLarge)
		return
	}
	if strings.HasSuffix(r.URL.Path, elsewhere) {
		x.mu.Lock()
		x.followed = true
		x.mu.Unlock()
		return
	}
	a := &attempt{at: at, method: r.Method, header: r.Header, body: body}
	x.judge(a, &scheme.Message{Method: r.Method, URL: "http://" + r.Host + r.RequestURI, Header: r.Header, Body: body})
	if a.key = a.id; a.key == "" {
		sum := sha256.Sum256(body)
		a.key = string(sum[:])
	}
	k, n := x.enter(a)
	x.answer(w, r, a, k, n)
}

// enter puts a into its stage and says which that is, and how many attempts of
// its event have come in it.
func (x *Exam) enter(a *attempt) (k kind, n int) {
	x.note(func() {
		s := x.current
		for _, earlier := range x.stages {
			if earlier != x.current && earlier.has(a.key) {
				s = earlier
			}
		}
		if s == nil { // the exam is over
			k, n = plain, 1
			return
		}
		s.attempts = append(s.attempts, a)
		k = s.kind
		for _, other := range s.attempts {
			if other.key == a.key {
				n++
			}
		}
	})
	return k, n
}

func (s *stage) has(key string) bool {
	for _, a := range s.attempts {
		if a.key == key {
			return true
		}
	}
	return false
}

// answer answers the n-th attempt of an event.
func (x *Exam) answer(w http.ResponseWriter, r *http.Request, a *attempt, k kind, n int) {
	switch {
	case k == gone:
		x.reply(w, a, http.StatusGone)
	case k == failing && n < x.o.Attempts:
		x.reply(w, a, http.StatusServiceUnavailable)
	case n > 1:
		x.reply(w, a, http.StatusOK)
	case k == redirect:
		w.Header().Set("Location", strings.TrimSuffix(r.URL.Path, "/")+elsewhere)
		x.reply(w, a, http.StatusTemporaryRedirect)
	case k == busy:
		w.Header().Set("Retry-After", strconv.Itoa(int(x.retryAfter()/time.Second)))
		x.reply(w, a, http.StatusTooManyRequests)
	case k == drop:
		x.note(func() { a.left = true })
		panic(http.ErrAbortHandler)
	case k == slow:
		x.hold(w, r, a)
	default:
		x.reply(w, a, http.StatusOK)
	}
}

func (x *Exam) reply(w http.ResponseWriter, a *attempt, status int) {
	x.note(func() { a.answered = status })
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, http.StatusText(status)) // a sender that has left does not matter
}

// note changes what others may read, and tells whoever waits for that.
func (x *Exam) note(change func()) {
	x.mu.Lock()
	change()
	x.mu.Unlock()
	select {
	case x.changed <- struct{}{}:
	default:
	}
}

// hold keeps the answer back until the sender leaves, or has been patient for
// too long.
func (x *Exam) hold(w http.ResponseWriter, r *http.Request, a *attempt) {
	timer := time.NewTimer(x.holding())
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		x.note(func() { a.left, a.held = true, x.o.Now().Sub(a.at) })
	case <-timer.C:
		x.note(func() { a.held = x.o.Now().Sub(a.at) })
		x.reply(w, a, http.StatusOK)
	}
}
