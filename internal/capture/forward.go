package capture

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// LoopHeader marks what a listener has forwarded. Its values are the marks of
// all listeners that a request has passed.
const LoopHeader = "Hooks-Forwarded"

// What the header Hooks-Error says of an answer in the place of an app that
// gave none.
const (
	AppTimeout     = "app_timeout"
	AppUnreachable = "app_unreachable"
)

// A Target is an app that gets deliveries.
type Target struct {
	URL *url.URL
	// Matches says which deliveries it gets; nil: all.
	Matches func(d *webhook.Delivery) bool
}

// A Forwarder hands deliveries to apps. Its exported fields must not be changed
// once it is used. A nil Forwarder has no targets.
type Forwarder struct {
	Targets []Target
	Client  *deliver.Client
	// Mark is of this listener alone; whatever carries it has gone in a circle.
	Mark string
	// PreserveHost keeps the Host that the sender called.
	PreserveHost bool
	// Timeout is how long an app of a provider may take; nil or 0: the usual.
	Timeout func(provider string) time.Duration
	// Retry, if set, answers the sender before the app has, and redelivers.
	Retry *Redelivery

	work sync.WaitGroup // attempts that no request waits for
}

// ours says whether a request was forwarded from here.
func (f *Forwarder) ours(h http.Header) bool {
	if f == nil || f.Mark == "" {
		return false
	}
	for _, line := range h[LoopHeader] {
		for mark := range strings.SplitSeq(line, ",") { // a proxy may have joined them
			if strings.TrimSpace(mark) == f.Mark {
				return true
			}
		}
	}
	return false
}

// wants says whether any target gets d.
func (f *Forwarder) wants(d *webhook.Delivery) bool { return len(f.targets(d)) > 0 }

func (f *Forwarder) targets(d *webhook.Delivery) []*Target {
	if f == nil {
		return nil
	}
	var out []*Target
	for i := range f.Targets {
		if t := &f.Targets[i]; t.Matches == nil || t.Matches(d) {
			out = append(out, t)
		}
	}
	return out
}

// target returns the target with this URL, nil if there is none any more.
func (f *Forwarder) target(url string) *Target {
	for i := range f.Targets {
		if f.Targets[i].URL.String() == url {
			return &f.Targets[i]
		}
	}
	return nil
}

// now makes one attempt at every target that gets d and returns the sender's
// answer: the first that is not 2xx, else the first. The attempts are stored
// before it returns. They go on when the sender loses patience: what the app
// makes of the delivery is worth knowing.
func (f *Forwarder) now(s *Server, d *webhook.Delivery, l *lease) answer {
	targets := f.targets(d)
	results := make([]deliver.Result, len(targets))
	var group sync.WaitGroup
	for i, t := range targets {
		group.Go(func() { results[i] = f.Client.Send(s.base, f.request(t.URL, d), i+1) })
	}
	group.Wait()
	for i := range results {
		f.record(s, d, &results[i], time.Time{}, l)
	}
	return f.pick(results)
}

// background is now for a delivery that has its answer already.
func (f *Forwarder) background(s *Server, d *webhook.Delivery, l *lease) {
	l.take()
	f.work.Go(func() {
		defer l.drop()
		f.now(s, d, l)
	})
}

// record stores an attempt and tells of it.
func (f *Forwarder) record(s *Server, d *webhook.Delivery, r *deliver.Result, next time.Time, l *lease) {
	if r.Kind == deliver.Canceled {
		return // we end: it never came to an answer
	}
	if err := s.Store.AddAttempt(context.WithoutCancel(s.base), d.ID, r.Attempt); err != nil {
		s.Note("attempt of " + d.ID + " not stored: " + safetext.Line(err.Error()))
	}
	if r.Truncated {
		s.Note("the answer to " + d.ID + " was longer than 10 MiB: the rest was dropped")
	}
	if r.Delivered() {
		s.count.Forwarded.Add(1)
	} else {
		s.count.Failed.Add(1)
	}
	s.tell(Event{Kind: Attempted, Delivery: d, Attempt: &r.Attempt, Waiting: next}, l)
}

// pick chooses the answer that the sender gets.
func (f *Forwarder) pick(results []deliver.Result) answer {
	chosen := &results[0]
	for i := range results {
		if !results[i].Delivered() {
			chosen = &results[i]
			break
		}
	}
	switch {
	case chosen.Kind == deliver.Timeout:
		return failure(http.StatusGatewayTimeout, AppTimeout, "the app did not answer in time")
	case chosen.Response == nil || chosen.Err != "":
		return failure(http.StatusBadGateway, AppUnreachable, "the app gave no answer")
	}
	return passOn(chosen.Response)
}

func failure(status int, word, text string) answer {
	a := plain(status, text)
	a.header = http.Header{"Hooks-Error": {word}, "Content-Type": {"text/plain; charset=utf-8"}}
	return a
}

// request is d as an app gets it: body and end-to-end headers as they came.
func (f *Forwarder) request(to *url.URL, d *webhook.Delivery) deliver.Request {
	full, target := aim(to, d)
	r := deliver.Request{
		Method: d.Method, URL: full, Target: target, Header: deliver.EndToEnd(d.Header), Body: d.Body,
	}
	// What a sender says about proxies in front of it must not be taken for
	// what we know.
	for name := range r.Header {
		if intake.Forwarding(name) {
			delete(r.Header, name)
		}
	}
	host := d.Header.Get("Host")
	if ip, _, err := net.SplitHostPort(d.RemoteAddr); err == nil {
		r.Header.Set("X-Forwarded-For", ip)
	}
	r.Header.Set("X-Forwarded-Proto", "http")
	if host != "" {
		r.Header.Set("X-Forwarded-Host", host)
		if f.PreserveHost {
			r.Header.Set("Host", host)
		}
	}
	r.Header[LoopHeader] = append(slices.Clip(r.Header[LoopHeader]), f.Mark)
	if f.Timeout != nil {
		r.Timeout = f.Timeout(d.Provider)
	}
	return r
}

// aim returns the URL at which an app gets d, and the request target as bytes:
// a path in to replaces that of the request, which keeps its query.
func aim(to *url.URL, d *webhook.Delivery) (full, target string) {
	path := d.Path
	if to.Path != "" {
		path = to.EscapedPath()
	}
	query := joinQuery(to.RawQuery, d.Query)
	target = path
	if query != "" || strings.HasSuffix(d.URL, "?") {
		target += "?" + query
	}
	base := url.URL{Scheme: to.Scheme, User: to.User, Host: to.Host}
	if path == "*" {
		return base.String(), target
	}
	return base.String() + escapeStray(path) + target[len(path):], target
}

func joinQuery(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "&" + b
}

// escapeStray writes a path so that it is part of a valid URL; as a request
// target it goes out as it came.
func escapeStray(path string) string {
	if _, err := url.PathUnescape(path); err == nil {
		return path
	}
	return strings.ReplaceAll(path, "%", "%25")
}
