package emulate

import (
	"crypto/sha256"
	"net/http"
)

// The Sketchpen API, to the letter:
//
//	POST   /api/v1/callbacks        url, event → the callback
//	GET    /api/v1/callbacks        an array of them
//	DELETE /api/v1/callbacks/{id}   204
//
// Each call needs the header X-Api-Key. The documentation names no status for a
// creation (201 here) and no error.

func (s *Server) sketchpenRoutes() []route {
	return []route{
		{sketchpenID, "POST /api/v1/callbacks", false, sketchpenCall(sketchpenCreate)},
		{sketchpenID, "GET /api/v1/callbacks", false, sketchpenCall(sketchpenList)},
		{sketchpenID, "DELETE /api/v1/callbacks/{id}", false, sketchpenCall(sketchpenDelete)},
	}
}

// detail answers with an error.
func (c *call) detail(status int, text string) {
	c.w.Header().Set(ExtensionHeader, "true")
	c.json(status, map[string]string{"detail": text})
}

func (c *call) detailOf(err error) {
	status, _, text, hint := problem(err)
	if status == http.StatusBadRequest {
		status = http.StatusUnprocessableEntity
	}
	if hint != "" {
		text += "; " + hint
	}
	c.detail(status, text)
}

func sketchpenCall(serve func(*call)) func(*call) {
	return func(c *call) {
		if !fits(c.Header.Get("X-Api-Key"), c.s.cfg.APIKey) {
			c.detail(http.StatusUnauthorized, "the X-Api-Key header is missing or wrong")
			return
		}
		if _, yes := c.limited(sketchpenID); yes {
			c.detail(http.StatusTooManyRequests, "too many requests")
			return
		}
		serve(c)
	}
}

// A sketchpenCallback is an endpoint as the API shows it.
type sketchpenCallback struct {
	ID        string `json:"id"`
	UserID    string `json:"user_id"`
	URL       string `json:"url"`
	Event     string `json:"event"`
	Secret    string `json:"secret"`
	IsActive  bool   `json:"is_active"`
	CreatedAt string `json:"created_at"`
}

func (s *Server) sketchpenView(e *endpoint) sketchpenCallback {
	user := sha256.Sum256(append([]byte("user "), s.key...)) // one for each data directory
	return sketchpenCallback{e.ID, uuid([16]byte(user[:16])), e.URL, e.Events[0], e.shown, e.Active, seconds(e.CreatedAt)}
}

func sketchpenCreate(c *call) {
	var in struct {
		URL   *string `json:"url"`
		Event *string `json:"event"`
	}
	if err := c.tolerant(&in); err != nil {
		c.detailOf(err)
		return
	}
	if in.URL == nil || in.Event == nil {
		c.detailOf(&inputError{Message: "url and event are required"})
		return
	}
	p, err := c.s.cfg.Catalogue.Get(sketchpenID)
	if err == nil {
		err = knownEvents(p, []string{*in.Event})
	}
	var e *endpoint
	if err == nil {
		e, err = c.s.register(c.Context(), registration{provider: sketchpenID, url: *in.URL, events: []string{*in.Event}, active: true})
	}
	if err != nil {
		c.detailOf(err)
		return
	}
	c.json(http.StatusCreated, c.s.sketchpenView(e))
}

func sketchpenList(c *call) {
	out := []sketchpenCallback{}
	for _, e := range c.s.list(sketchpenID) {
		out = append(out, c.s.sketchpenView(e))
	}
	c.json(http.StatusOK, out)
}

func sketchpenDelete(c *call) {
	e := c.s.find(c.PathValue("id"), sketchpenID)
	if e == nil {
		c.detail(http.StatusNotFound, "there is no callback with this id")
		return
	}
	if _, err := c.s.remove(e.ID); err != nil {
		c.detailOf(err)
		return
	}
	c.w.WriteHeader(http.StatusNoContent)
}
