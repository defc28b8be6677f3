package emulate

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// An endpointView is an endpoint as the control API shows it.
type endpointView struct {
	ID           string   `json:"id"`
	Provider     string   `json:"provider"`
	URL          string   `json:"url"`
	Events       []string `json:"events"`
	Active       bool     `json:"active"`
	Status       string   `json:"status"` // ok or failing
	FailingSince *string  `json:"failing_since"`
	LastError    *string  `json:"last_error"`
	Secret       *string  `json:"secret"`      // null where nothing is signed, or hooks keeps it
	SecretName   *string  `json:"secret_name"` // given, generated, or what hooks calls it
	OldSecrets   int      `json:"old_secrets"`
	Pending      int      `json:"pending"`
	CreatedAt    string   `json:"created_at"`
}

func (s *Server) endpointView(e *endpoint) endpointView {
	v := endpointView{
		ID: e.ID, Provider: e.Provider, URL: e.URL, Events: e.Events, Active: e.Active, Status: "ok", CreatedAt: webhook.FormatTime(e.CreatedAt),
		OldSecrets: max(0, len(e.Secrets)-1),
	}
	if len(v.Events) == 0 {
		v.Events = []string{"*"}
	}
	if !e.FailingSince.IsZero() {
		since := webhook.FormatTime(e.FailingSince)
		v.Status, v.FailingSince, v.LastError = "failing", &since, &e.LastError
	}
	if e.shown != "" {
		v.Secret = &e.shown
	}
	if e.signedBy != "" {
		v.SecretName = &e.signedBy
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v.Pending = e.pending
	return v
}

// patterns checks what an endpoint wants.
func patterns(p *provider.Provider, list []string) error {
	for _, text := range list {
		if strings.Contains(text, "*") {
			if _, err := match.Parse(text, nil); err != nil {
				return &inputError{Field: "events", Message: err.Error()}
			}
			continue
		}
		if err := knownEvents(p, []string{text}); err != nil {
			return err
		}
	}
	return nil
}

type endpointInput struct {
	Provider *string   `json:"provider"`
	URL      *string   `json:"url"`
	Events   *[]string `json:"events"`
	Secret   *string   `json:"secret"`
	Active   *bool     `json:"active"`
}

func controlCreate(c *call) {
	var in endpointInput
	err := c.strict(&in)
	if err == nil && (in.Provider == nil || in.URL == nil) {
		err = &inputError{Message: "provider and url are required"}
	}
	if err != nil {
		c.fail(err)
		return
	}
	r := registration{provider: *in.Provider, url: *in.URL, active: in.Active == nil || *in.Active, borrows: true}
	p, err := c.provider(r.provider)
	if err == nil && in.Events != nil {
		r.events, err = *in.Events, patterns(p, *in.Events)
	}
	if in.Secret != nil {
		r.secret = *in.Secret
	}
	var e *endpoint
	if err == nil {
		e, err = c.s.register(c.Context(), r)
	}
	if err != nil {
		c.fail(err)
		return
	}
	c.json(http.StatusCreated, c.s.endpointView(e))
}

func controlList(c *call) {
	out := []endpointView{}
	for _, e := range c.s.list(c.URL.Query().Get("provider")) {
		out = append(out, c.s.endpointView(e))
	}
	slices.Reverse(out) // the newest first
	c.json(http.StatusOK, map[string]any{"endpoints": out})
}

func (c *call) noEndpoint() {
	controlError(c.w, http.StatusNotFound, "not_found", "there is no endpoint with this id", "GET /_hooks/endpoints lists them")
}

func controlGet(c *call) {
	e := c.s.find(c.PathValue("id"), "")
	if e == nil {
		c.noEndpoint()
		return
	}
	c.json(http.StatusOK, c.s.endpointView(e))
}

// changed answers with an endpoint after it was changed.
func (c *call) changed(e *endpoint, err error) {
	switch {
	case err != nil:
		c.fail(err)
	case e == nil:
		c.noEndpoint()
	default:
		c.json(http.StatusOK, c.s.endpointView(e))
	}
}

func controlUpdate(c *call) {
	var in endpointInput
	if err := c.strict(&in); err != nil {
		c.fail(err)
		return
	}
	c.changed(c.s.change(c.Context(), c.PathValue("id"), func(k *kept) error {
		if in.Provider != nil && *in.Provider != k.Provider {
			return &inputError{Field: "provider", Message: "it cannot be changed"}
		}
		if in.Events != nil {
			p, err := c.provider(k.Provider)
			if err == nil {
				err = patterns(p, *in.Events)
			}
			if err != nil {
				return err
			}
			k.Events = *in.Events
		}
		k.URL = *cmp.Or(in.URL, &k.URL)
		k.Active = *cmp.Or(in.Active, &k.Active)
		if in.Secret != nil {
			k.Secrets = []keptSecret{{Text: *in.Secret, Given: true}}
		}
		return nil
	}))
}

func controlDelete(c *call) {
	found, err := c.s.remove(c.PathValue("id"))
	switch {
	case err != nil:
		c.fail(err)
	case !found:
		c.noEndpoint()
	default:
		c.w.WriteHeader(http.StatusNoContent)
	}
}

func controlRotate(c *call) {
	var in struct {
		Secret  string   `json:"secret"`
		KeepOld duration `json:"keep_old"`
	}
	if len(c.body) > 0 {
		if err := c.strict(&in); err != nil {
			c.fail(err)
			return
		}
	}
	c.changed(c.s.change(c.Context(), c.PathValue("id"), func(k *kept) error {
		if len(k.Secrets) == 0 {
			return &inputError{Message: "hooks keeps the secret of this endpoint", Hint: "hooks secrets rotate " + k.Provider + " replaces it"}
		}
		fresh := keptSecret{Text: in.Secret, Given: in.Secret != ""}
		if in.Secret == "" {
			made, err := c.s.makeSecret(k.Provider)
			if err != nil {
				return err
			}
			fresh = *made
		}
		old := k.Secrets[:0]
		if in.KeepOld > 0 {
			old = k.Secrets
			old[0].Until = c.s.clock.now().Add(time.Duration(in.KeepOld))
		}
		k.Secrets = append([]keptSecret{fresh}, old...)
		return nil
	}))
}
