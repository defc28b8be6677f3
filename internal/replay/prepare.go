package replay

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Options say how deliveries are prepared for being sent again.
type Options struct {
	To   *url.URL // nil: where a delivery was forwarded or sent
	Else *url.URL // where nothing is recorded; its path, if any, replaces the delivery's
	AsIs bool     // an old timestamp is sent all the same

	// Schemes returns the schemes by which a delivery's provider signs.
	Schemes func(*webhook.Delivery) []*scheme.Scheme
	// Resign, if set, returns what signs a delivery anew towards an address.
	Resign func(d *webhook.Delivery, to *url.URL) (*outgoing.Signer, error)
	Edits  []payload.Edit // need Resign, or the signature is wrong
	Header http.Header    // replaces headers; an empty list removes one
	Manner outgoing.Manner
}

// An Item is a delivery and the request that sends it again.
type Item struct {
	Delivery *webhook.Delivery // as it is stored
	Sent     *webhook.Delivery // as it is sent
	Request  deliver.Request
	Host     string   // that it goes to
	Local    bool     // which is this machine
	Recorded bool     // the address is the one that is recorded
	Dropped  []string // credentials that are left out, towards another host
}

// A RedactedError says that a delivery cannot be sent again because parts of
// it were masked.
type RedactedError struct {
	ID    string
	Names []string // headers and paths
}

// Error names what is masked.
func (e *RedactedError) Error() string {
	return fmt.Sprintf("%s was redacted (%s): what would be sent is not what came", e.ID, strings.Join(e.Names, ", "))
}

// A TooOldError says that a receiver which keeps to the tolerance refuses the
// signed timestamp of a delivery.
type TooOldError struct {
	ID        string
	Age       time.Duration
	Tolerance time.Duration
}

// Error tells both durations.
func (e *TooOldError) Error() string {
	return fmt.Sprintf("%s was signed %s ago and is accepted for %s only",
		e.ID, units.FormatDuration(e.Age.Truncate(time.Second)), units.FormatDuration(e.Tolerance))
}

// ErrNoSigner is returned where a delivery is to be signed anew and its
// provider is not known.
var ErrNoSigner = errors.New("its provider is not known, so it cannot be signed anew")

// An UnfitError says that an edit or the secret does not fit a delivery.
type UnfitError struct {
	ID  string
	Err error
}

// Error names the delivery.
func (e *UnfitError) Error() string { return e.ID + ": " + e.Err.Error() }

// Unwrap returns what is wrong.
func (e *UnfitError) Unwrap() error { return e.Err }

// Prepare makes the request that sends d again as of now. The error is a
// *RedactedError, a *TooOldError, an *UnfitError, or one of Resign. d is only
// read.
func Prepare(d *webhook.Delivery, o Options, now time.Time) (Item, error) {
	if len(d.Redacted) > 0 {
		return Item{}, &RedactedError{d.ID, d.Redacted}
	}
	item := Item{Delivery: d}
	base, recorded := o.address(d)
	item.Recorded = recorded
	sent := *d
	sent.Direction, sent.Attempts, sent.Response, sent.DuplicateOf = webhook.Sent, nil, nil, ""
	retarget(&sent, base, recorded)
	sent.Header = deliver.EndToEnd(d.Header)
	item.Host, item.Local = base.Host, address.LoopbackURL(base)
	if !item.Local && !knows(d, base.Host) {
		item.Dropped = o.dropCredentials(d, &sent)
	}
	for name, values := range o.Header {
		if sent.Header[name] = values; len(values) == 0 {
			delete(sent.Header, name)
		}
	}
	out, err := o.sign(d, &sent, base, now)
	if err != nil {
		return Item{}, err
	}
	item.Sent = out
	item.Request = outgoing.Request(out, o.Manner)
	item.Request.Target = target(out)
	return item, nil
}

// address returns where d goes and whether that is what is recorded.
func (o *Options) address(d *webhook.Delivery) (*url.URL, bool) {
	if o.To != nil {
		return o.To, false
	}
	if u := Recorded(d); u != nil {
		return u, true
	}
	return o.Else, false
}

// ImportedAddr is what a delivery has as its remote address that did not come
// over the network, but was imported from a file.
const ImportedAddr = "import"

// Recorded returns the address that d was last forwarded or sent to, nil if
// there is none. What a file says about that is only a label: somebody else may
// have written it.
func Recorded(d *webhook.Delivery) *url.URL {
	if d.RemoteAddr == ImportedAddr {
		return nil
	}
	raw := ""
	if d.Direction == webhook.Sent {
		raw = d.URL
	}
	if n := len(d.Attempts); n > 0 {
		raw = d.Attempts[n-1].URL
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil
	}
	return u
}

// retarget lets d call base. A recorded address is whole; any other replaces
// d's path and query if it has one of its own.
func retarget(d *webhook.Delivery, base *url.URL, recorded bool) {
	to := *base
	to.Fragment, to.RawFragment = "", ""
	if recorded || to.Path != "" {
		path, query := to.EscapedPath(), to.RawQuery
		if !recorded && query == "" {
			query = d.Query
		}
		d.Path, d.Query = path, query
	}
	if d.Path == "" {
		d.Path = "/"
	}
	to.Path, to.RawPath, to.RawQuery = "", "", ""
	d.URL = to.String() + target(d)
	if _, err := url.Parse(d.URL); err != nil {
		d.URL = to.String() // the target goes out as it came all the same
	}
}

// target returns the request target of d, byte for byte.
func target(d *webhook.Delivery) string {
	if d.Query == "" {
		return d.Path
	}
	return d.Path + "?" + d.Query
}

// dropCredentials takes the headers that carry credentials out of sent, and
// returns their names. A header in which the provider's signature stands is
// none, but for the two that are credentials whatever they hold.
func (o *Options) dropCredentials(d, sent *webhook.Delivery) []string {
	var signature, dropped []string
	for _, s := range o.schemes(d) {
		signature = append(signature, s.SignatureHeaders()...)
	}
	for name := range sent.Header {
		if name == "Authorization" || name == "Cookie" || safetext.Sensitive(name) && !slices.Contains(signature, name) {
			dropped = append(dropped, name)
		}
	}
	for _, name := range dropped {
		delete(sent.Header, name)
	}
	slices.Sort(dropped)
	return dropped
}

// knows says whether d has come to host before, or gone there.
func knows(d *webhook.Delivery, host string) bool {
	if d.RemoteAddr == ImportedAddr {
		return false
	}
	hosts := []string{d.Header.Get("Host")}
	if u, err := url.Parse(d.URL); err == nil {
		hosts = append(hosts, u.Host)
	}
	if u := Recorded(d); u != nil {
		hosts = append(hosts, u.Host)
	}
	return slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

func (o *Options) schemes(d *webhook.Delivery) []*scheme.Scheme {
	if o.Schemes == nil {
		return nil
	}
	return o.Schemes(d)
}

// sign edits sent and signs it anew, or sees to it that the signature it has
// can still be accepted.
func (o *Options) sign(d, sent *webhook.Delivery, base *url.URL, now time.Time) (*webhook.Delivery, error) {
	if len(o.Edits) > 0 {
		body, err := payload.Set(d.Body, o.Edits...)
		if err != nil {
			return nil, &UnfitError{d.ID, err}
		}
		sent.Body = body
	}
	if o.Resign == nil {
		if o.AsIs {
			return sent, nil
		}
		return sent, o.tooOld(d, now)
	}
	signer, err := o.Resign(d, base)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.ID, err)
	}
	signed, err := signer.Sign(sent, now)
	if err != nil {
		return nil, &UnfitError{d.ID, err}
	}
	return signed, nil
}

// tooOld says whether the timestamp that d was signed with is out of tolerance.
func (o *Options) tooOld(d *webhook.Delivery, now time.Time) error {
	m := scheme.Message{Method: d.Method, URL: d.URL, Header: d.Header, Body: d.Body}
	for _, s := range o.schemes(d) {
		if !s.Timestamped() || !s.Applies(&m) {
			continue
		}
		at := s.Time(&m)
		if at.IsZero() {
			continue
		}
		if age := now.Truncate(time.Second).Sub(at.Truncate(time.Second)); age > s.Tolerance() {
			return &TooOldError{d.ID, age, s.Tolerance()}
		}
	}
	return nil
}
