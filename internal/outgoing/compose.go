package outgoing

import (
	"fmt"
	"maps"
	"net/http"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// UserAgent names hooks to an endpoint, where the provider's own name is not
// known.
const UserAgent = "hooks"

// An Order says what request to compose.
type Order struct {
	Provider *provider.Provider
	URL      string         // that it calls
	Type     string         // of the event; may be left out where Data shows it
	ID       string         // of the event; "" keeps the one in Data, or makes one
	At       time.Time      // when the event happened
	Seed     *int64         // makes a sample reproducible
	Data     []byte         // the body; nil makes a sample
	Edits    []payload.Edit // to the body, whichever it is
	Header   http.Header    // replaces headers; an empty list removes one
}

// Compose makes the delivery that is ordered: unsigned, with no id of its own,
// and not yet sent. The error is that of the provider, or says what is wrong
// with an edit.
func Compose(o Order) (*webhook.Delivery, error) {
	ev, err := o.Provider.Build(provider.BuildOptions{Type: o.Type, ID: o.ID, At: o.At, Seed: o.Seed, Body: o.Data})
	if err != nil {
		return nil, err
	}
	d := &webhook.Delivery{
		Direction: webhook.Sent, Provider: o.Provider.ID, EventID: ev.ID, EventType: ev.Type,
		Method: ev.Method, Proto: "HTTP/1.1", Header: ev.Header, Body: ev.Body,
	}
	SetURL(d, o.URL)
	if len(o.Edits) > 0 {
		if d.Body, err = payload.Set(ev.Body, o.Edits...); err != nil {
			return nil, fmt.Errorf("edit the body: %w", err)
		}
		o.describe(d)
	}
	if d.Header.Get("User-Agent") == "" {
		d.Header.Set("User-Agent", UserAgent)
	}
	for name, values := range o.Header {
		d.Header[name] = values
		if len(values) == 0 {
			delete(d.Header, name)
		}
	}
	return d, nil
}

// describe reads id and type again: an edit may have changed them.
func (o *Order) describe(d *webhook.Delivery) {
	m := message(d)
	info := o.Provider.Describe(&m)
	if info.EventID != "" {
		d.EventID = info.EventID
	}
	if info.EventType != "" {
		d.EventType = info.EventType
	}
}

// Fresh returns the order of another event of the same sort, with an id of its
// own and no seed. at is when it happened.
func (o Order) Fresh(at time.Time) Order {
	o.At, o.Seed = at, nil
	o.ID = ""
	if o.Data != nil {
		o.ID = o.Provider.NewEventID()
	}
	return o
}

// Describe says which event of p a request of given headers and body carries.
func Describe(p *provider.Provider, header http.Header, body []byte) payload.Info {
	return p.Describe(&scheme.Message{Header: maps.Clone(header), Body: body})
}
