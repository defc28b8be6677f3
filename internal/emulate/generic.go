package emulate

import (
	"net/http"
	"strings"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// The generic API. What its documentation shows, to the letter:
//
//	POST /v1/webhooks                   url, events, secret?, active? → the webhook
//	POST /v1/webhooks/{id}/test         a sample of its first event
//	GET  /v1/webhooks/{id}/deliveries   {"deliveries":[…]}, newest first
//
// It names no status for a creation (201 here) and no answer to a test, nor any
// error. A delivery that got no answer is shown with status_code 500, as in the
// documentation's example of a time-out, and one that failed as "failed" from
// its first failure on, while it is tried again.

func (s *Server) genericRoutes() []route {
	return []route{
		{genericID, "POST /v1/webhooks", false, genericCall(genericCreate)},
		{genericID, "POST /v1/webhooks/{id}/test", false, genericCall(genericTest)},
		{genericID, "GET /v1/webhooks/{id}/deliveries", false, genericCall(genericDeliveries)},
		{genericID, "GET /v1/webhooks", true, genericCall(genericList)},
		{genericID, "GET /v1/webhooks/{id}", true, genericCall(genericGet)},
		{genericID, "PATCH /v1/webhooks/{id}", true, genericCall(genericUpdate)},
		{genericID, "DELETE /v1/webhooks/{id}", true, genericCall(genericDelete)},
	}
}

// genericCall asks for the key, if one is to be asked for: the documentation's
// example has none.
func genericCall(serve func(*call)) func(*call) {
	return func(c *call) {
		if !c.s.cfg.APIKey.Empty() && !fits(c.key(), c.s.cfg.APIKey) {
			c.w.Header().Set("WWW-Authenticate", "Bearer")
			controlError(c.w, http.StatusUnauthorized, "unauthorized", "the API key is missing or wrong", "")
			return
		}
		if _, yes := c.limited(genericID); yes {
			controlError(c.w, http.StatusTooManyRequests, "rate_limited", "too many requests", "")
			return
		}
		serve(c)
	}
}

// A genericWebhook is an endpoint as the API shows it.
type genericWebhook struct {
	ID        string   `json:"id"`
	URL       string   `json:"url"`
	Events    []string `json:"events"`
	Secret    string   `json:"secret"`
	Active    bool     `json:"active"`
	CreatedAt string   `json:"created_at"`
}

func genericView(e *endpoint) genericWebhook {
	return genericWebhook{e.ID, e.URL, e.Events, e.shown, e.Active, seconds(e.CreatedAt)}
}

// A genericInput is what a webhook is made or changed with.
type genericInput struct {
	URL    *string   `json:"url"`
	Events *[]string `json:"events"`
	Secret *string   `json:"secret"`
	Active *bool     `json:"active"`
}

func (c *call) genericInput() (in genericInput, err error) {
	if err := c.tolerant(&in); err != nil {
		return in, err
	}
	if in.Events != nil {
		if len(*in.Events) == 0 {
			return in, &inputError{Field: "events", Message: "at least one is needed"}
		}
		p, err := c.s.cfg.Catalogue.Get(genericID)
		if err != nil {
			return in, err
		}
		return in, knownEvents(p, *in.Events)
	}
	return in, nil
}

func genericCreate(c *call) {
	in, err := c.genericInput()
	switch {
	case err != nil:
		c.fail(err)
		return
	case in.URL == nil:
		c.fail(&inputError{Field: "url", Message: "it is required"})
		return
	case in.Events == nil:
		c.fail(&inputError{Field: "events", Message: "it is required"})
		return
	}
	r := registration{provider: genericID, url: *in.URL, events: *in.Events, active: in.Active == nil || *in.Active}
	if in.Secret != nil {
		r.secret = *in.Secret
	}
	e, err := c.s.register(c.Context(), r)
	if err != nil {
		c.fail(err)
		return
	}
	c.json(http.StatusCreated, genericView(e))
}

// generic returns the endpoint that the path names, and answers where there is
// none.
func (c *call) generic() *endpoint {
	e := c.s.find(c.PathValue("id"), genericID)
	if e == nil {
		controlError(c.w, http.StatusNotFound, "not_found", "there is no webhook with this id", "")
	}
	return e
}

func genericTest(c *call) {
	e := c.generic()
	if e == nil {
		return
	}
	if !e.Active {
		controlError(c.w, http.StatusConflict, "not_active", "the webhook is not active", "")
		return
	}
	d, err := c.s.draft(e.provider, outgoing.Order{Type: e.Events[0]})
	if err != nil {
		c.fail(err)
		return
	}
	made, err := c.s.happen(c.Context(), happening{draft: d, endpoints: []*endpoint{e}})
	if err != nil {
		c.fail(err)
		return
	}
	c.w.Header().Set(ExtensionHeader, "true")
	c.json(http.StatusOK, struct {
		ID      string `json:"id"`
		EventID string `json:"event_id"`
	}{deliveryID(made[0]), d.EventID})
}

// deliveryID is the API's id of a delivery.
func deliveryID(id string) string { return "del_" + strings.TrimPrefix(id, "dlv_") }

// A genericDelivery is a delivery as the API shows it.
type genericDelivery struct {
	ID          string `json:"id"`
	EventID     string `json:"event_id"`
	Status      string `json:"status"`
	StatusCode  int    `json:"status_code,omitempty"`
	Attempts    int    `json:"attempts"`
	DeliveredAt string `json:"delivered_at,omitempty"`
	Error       string `json:"error,omitempty"`
}

func (s *Server) genericDelivery(d *webhook.Delivery) genericDelivery {
	out := genericDelivery{ID: deliveryID(d.ID), EventID: d.EventID, Status: "pending", Attempts: len(d.Attempts)}
	if len(d.Attempts) == 0 {
		return out
	}
	last := d.Attempts[len(d.Attempts)-1]
	out.StatusCode = http.StatusInternalServerError
	if last.Response != nil {
		out.StatusCode = last.Response.Status
	}
	if s.taken(d) {
		out.Status, out.DeliveredAt = "success", seconds(last.At.Add(last.Duration))
		return out
	}
	out.Status, out.Error = "failed", last.Err
	if last.Response != nil {
		out.Error = http.StatusText(last.Response.Status)
	}
	return out
}

// usualPage is how many deliveries are listed where nobody says.
const (
	usualPage = 50
	largePage = 1000
)

func genericDeliveries(c *call) {
	e := c.generic()
	if e == nil {
		return
	}
	limit, err := c.page(usualPage, largePage)
	if err != nil {
		c.fail(err)
		return
	}
	page, err := c.s.store.List(c.Context(), store.Query{
		Provider: genericID, Limit: limit,
		Filter: func(d *webhook.Delivery) bool { return d.Verification.SecretName == e.ID },
	})
	if err != nil {
		c.fail(err)
		return
	}
	out := make([]genericDelivery, 0, len(page.Deliveries))
	for _, d := range page.Deliveries {
		out = append(out, c.s.genericDelivery(d))
	}
	c.json(http.StatusOK, map[string]any{"deliveries": out})
}

func genericList(c *call) {
	out := []genericWebhook{}
	for _, e := range c.s.list(genericID) {
		out = append(out, genericView(e))
	}
	c.json(http.StatusOK, map[string]any{"webhooks": out})
}

func genericGet(c *call) {
	if e := c.generic(); e != nil {
		c.json(http.StatusOK, genericView(e))
	}
}

func genericUpdate(c *call) {
	e := c.generic()
	if e == nil {
		return
	}
	in, err := c.genericInput()
	if err == nil {
		e, err = c.s.change(c.Context(), e.ID, func(k *kept) error {
			if in.URL != nil {
				k.URL = *in.URL
			}
			if in.Events != nil {
				k.Events = *in.Events
			}
			if in.Active != nil {
				k.Active = *in.Active
			}
			if in.Secret != nil && *in.Secret != "" {
				k.Secrets = []keptSecret{{Text: *in.Secret, Given: true}}
			}
			return nil
		})
	}
	switch {
	case err != nil:
		c.fail(err)
	case e == nil:
		controlError(c.w, http.StatusNotFound, "not_found", "there is no webhook with this id", "")
	default:
		c.json(http.StatusOK, genericView(e))
	}
}

func genericDelete(c *call) {
	e := c.generic()
	if e == nil {
		return
	}
	if _, err := c.s.remove(e.ID); err != nil {
		c.fail(err)
		return
	}
	c.w.WriteHeader(http.StatusNoContent)
}
