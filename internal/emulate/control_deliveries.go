package emulate

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// What a delivery's status says.
const (
	pendingStatus   = "pending"
	deliveredStatus = "delivered"
	failedStatus    = "failed"
	droppedStatus   = "dropped"  // lost on purpose
	canceledStatus  = "canceled" // its endpoint was deleted or is not active
)

// A deliveryView is a delivery as the control API shows it.
type deliveryView struct {
	ID            string            `json:"id"`
	EndpointID    string            `json:"endpoint_id"`
	Provider      string            `json:"provider"`
	EventID       *string           `json:"event_id"`
	EventType     string            `json:"event_type"`
	URL           string            `json:"url"`
	Status        string            `json:"status"`
	CreatedAt     string            `json:"created_at"`
	NextAttemptAt *string           `json:"next_attempt_at"`
	Attempts      []webhook.Attempt `json:"attempts"`
	Request       *webhook.Delivery `json:"request,omitempty"`
}

// taken says whether the newest attempt counts as delivered, for the provider.
func (s *Server) taken(d *webhook.Delivery) bool {
	last := d.Attempts[len(d.Attempts)-1]
	p, err := s.cfg.Catalogue.Get(d.Provider)
	return last.Response != nil && err == nil && p.Delivery.Succeeds(last.Response.Status)
}

func (s *Server) deliveryView(d *webhook.Delivery) deliveryView {
	d = s.conceal(d)
	v := deliveryView{
		ID: d.ID, EndpointID: d.Verification.SecretName, Provider: d.Provider, EventType: d.EventType, URL: d.URL,
		CreatedAt: webhook.FormatTime(d.ReceivedAt), Status: failedStatus, Attempts: slices.Clone(d.Attempts),
	}
	if d.EventID != "" {
		v.EventID = &d.EventID
	}
	if v.Attempts == nil {
		v.Attempts = []webhook.Attempt{}
	}
	s.mu.Lock()
	j := s.pending[d.ID]
	if j != nil {
		at := webhook.FormatTime(s.clock.realTime(j.due))
		v.Status, v.NextAttemptAt = pendingStatus, &at
	}
	s.mu.Unlock()
	if j != nil || len(d.Attempts) == 0 {
		return v
	}
	switch last := d.Attempts[len(d.Attempts)-1]; {
	case s.taken(d):
		v.Status = deliveredStatus
	case last.Err == droppedText:
		v.Status = droppedStatus
	case strings.HasPrefix(last.Err, notSent):
		v.Status = canceledStatus
	}
	return v
}

func controlDeliveries(c *call) {
	limit, err := c.page(usualPage, largePage)
	if err != nil {
		c.fail(err)
		return
	}
	q := c.URL.Query()
	for name := range q {
		if !slices.Contains([]string{"limit", "before", "provider", "endpoint", "event", "event_id", "status"}, name) {
			c.fail(&inputError{Field: name, Message: "there is no such filter"})
			return
		}
	}
	pattern, err := match.Parse(q.Get("event"), c.s.cfg.Catalogue.Has)
	if err != nil {
		c.fail(&inputError{Field: "event", Message: err.Error()})
		return
	}
	status := q.Get("status")
	if !slices.Contains([]string{"", pendingStatus, deliveredStatus, failedStatus, droppedStatus, canceledStatus}, status) {
		c.fail(&inputError{Field: "status", Message: "it is one of pending, delivered, failed, dropped, canceled"})
		return
	}
	page, err := c.s.listDeliveries(c.Context(), status, store.Query{
		Provider: q.Get("provider"), Before: q.Get("before"), Limit: limit, Pattern: pattern.Match,
		Filter: func(d *webhook.Delivery) bool {
			return (q.Get("endpoint") == "" || d.Verification.SecretName == q.Get("endpoint")) &&
				(q.Get("event_id") == "" || d.EventID == q.Get("event_id")) &&
				(status == "" || c.s.deliveryView(d).Status == status)
		},
	})
	if err != nil {
		c.fail(err)
		return
	}
	out := struct {
		Deliveries []deliveryView `json:"deliveries"`
		Next       *string        `json:"next"`
	}{Deliveries: []deliveryView{}}
	for _, d := range page.Deliveries {
		v := c.s.deliveryView(d)
		for i := range v.Attempts { // the bodies are in the single one
			if r := v.Attempts[i].Response; r != nil {
				v.Attempts[i].Response = &webhook.Response{Status: r.Status, Header: r.Header}
			}
		}
		out.Deliveries = append(out.Deliveries, v)
	}
	if page.More && len(out.Deliveries) > 0 {
		out.Next = &out.Deliveries[len(out.Deliveries)-1].ID
	}
	c.json(http.StatusOK, out)
}

// delivery finds the delivery that the path names, by its id or the one that
// the generic API gives it, and answers where there is none.
func (c *call) delivery() *webhook.Delivery {
	id := c.PathValue("id")
	if rest, ok := strings.CutPrefix(id, "del_"); ok {
		id = ids.Prefix + rest
	}
	d, err := c.s.store.Get(c.Context(), id)
	if err != nil {
		if _, malformed := ids.Parse(id); malformed != nil || errors.Is(err, store.ErrNotFound) {
			controlError(c.w, http.StatusNotFound, "not_found", "there is no delivery with this id", "GET /_hooks/deliveries lists them")
			return nil
		}
		c.fail(err)
		return nil
	}
	return d
}

func controlDelivery(c *call) {
	d := c.delivery()
	if d == nil {
		return
	}
	v := c.s.deliveryView(d)
	if e := c.s.find(d.Verification.SecretName, ""); e != nil && e.Borrows != ownSecrets {
		v.Request = c.s.conceal(d)
	}
	c.json(http.StatusOK, v)
}

// conceal returns d without the secrets that its endpoint signs with.
func (s *Server) conceal(d *webhook.Delivery) *webhook.Delivery {
	if e := s.find(d.Verification.SecretName, ""); e != nil {
		return e.signer.Conceal(d)
	}
	return d
}

func controlReplay(c *call) {
	d := c.delivery()
	if d == nil {
		return
	}
	e := c.s.find(d.Verification.SecretName, "")
	if e == nil || !e.Active {
		controlError(c.w, http.StatusConflict, "no_endpoint", "its endpoint was deleted or is not active", "")
		return
	}
	if err := c.s.replay(c.Context(), e, d); err != nil {
		c.fail(err)
		return
	}
	v, now := c.s.deliveryView(d), webhook.FormatTime(c.s.cfg.Now())
	v.Status, v.NextAttemptAt = pendingStatus, &now // though it may be over by now
	c.json(http.StatusAccepted, v)
}

// replay makes one more attempt of a delivery: the next one of its schedule,
// now, if it is still tried; else one that is not tried again.
func (s *Server) replay(ctx context.Context, e *endpoint, d *webhook.Delivery) error {
	now := s.clock.now()
	s.mu.Lock()
	if j := s.pending[d.ID]; j != nil {
		if j.place >= 0 && j.due.After(now) {
			s.moveLocked(j, now)
		}
		s.mu.Unlock()
		s.look()
		return nil
	}
	s.mu.Unlock()
	j := &job{
		entry: store.Redelivery{ID: d.ID, URL: e.URL, Number: 1}, due: now, place: -1,
		note: note{Endpoint: e.ID, Once: true, Made: len(d.Attempts)},
	}
	if err := s.enqueue(ctx, j); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pending[d.ID] == nil {
		s.addLocked(j)
	}
	return nil
}
