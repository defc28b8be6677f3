package emulate

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// HealthPath is where the emulator says that it is there.
const HealthPath = "/_hooks/health"

// controlRoutes are those of the control API; its contract is in the comment of
// the package.
func (s *Server) controlRoutes() []route {
	control := func(pattern string, serve func(*call)) route {
		return route{"", pattern, true, func(c *call) {
			if !s.cfg.ControlKey.Empty() && !fits(c.key(), s.cfg.ControlKey) {
				c.w.Header().Set("WWW-Authenticate", "Bearer")
				controlError(c.w, http.StatusUnauthorized, "unauthorized", "the control API needs its key", "send it as Authorization: Bearer KEY; it was told at the start")
				return
			}
			serve(c)
		}}
	}
	return []route{
		control("POST /_hooks/endpoints", controlCreate),
		control("GET /_hooks/endpoints", controlList),
		control("GET /_hooks/endpoints/{id}", controlGet),
		control("PATCH /_hooks/endpoints/{id}", controlUpdate),
		control("DELETE /_hooks/endpoints/{id}", controlDelete),
		control("POST /_hooks/endpoints/{id}/rotate", controlRotate),
		control("POST /_hooks/events", controlEvents),
		control("GET /_hooks/deliveries", controlDeliveries),
		control("GET /_hooks/deliveries/{id}", controlDelivery),
		control("POST /_hooks/deliveries/{id}/replay", controlReplay),
		control("GET /_hooks/clock", controlClock),
		control("POST /_hooks/clock", controlAdvance),
		{"", "GET " + HealthPath, true, controlHealth},
	}
}

// provider finds a provider that is emulated.
func (c *call) provider(id string) (*provider.Provider, error) {
	if id == "" {
		return nil, &inputError{Field: "provider", Message: "it is required"}
	}
	p, err := c.s.cfg.Catalogue.Get(id)
	if err != nil {
		return nil, &inputError{Field: "provider", Message: err.Error()}
	}
	if !c.s.emulates(id) {
		return nil, &inputError{Field: "provider", Message: id + " is not emulated here", Hint: "it was started for " + strings.Join(c.s.cfg.Providers, ", ")}
	}
	return p, nil
}

// A duration is written as people type it: "2h", "30s".
type duration time.Duration

// UnmarshalJSON reads a text, or a number of milliseconds.
func (d *duration) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		var ms float64
		if json.Unmarshal(b, &ms) != nil || ms < 0 || ms > 1e13 {
			return fmt.Errorf("%s is no duration: write for example \"2h\"", b)
		}
		*d = duration(ms * float64(time.Millisecond))
		return nil
	}
	v, err := units.ParseDuration(text)
	*d = duration(v)
	return err
}

// A clockView is the clock of retries.
type clockView struct {
	Now       string  `json:"now"`      // real time
	Ahead     float64 `json:"ahead_ms"` // how far the clock is ahead of that
	TimeScale float64 `json:"time_scale"`
	Pending   int     `json:"pending"`
}

func (c *call) clockView() clockView {
	now := c.s.cfg.Now()
	ahead := c.s.clock.now().Sub(now.Round(0))
	return clockView{webhook.FormatTime(now), webhook.Milliseconds(ahead), c.s.cfg.TimeScale, c.s.Pending()}
}

func controlClock(c *call) { c.json(http.StatusOK, c.clockView()) }

// maxAdvance is how far the clock can be put forward at once.
const maxAdvance = 366 * 24 * time.Hour

func controlAdvance(c *call) {
	var in struct {
		Advance duration `json:"advance"`
	}
	err := c.strict(&in)
	if d := time.Duration(in.Advance); err == nil && (d <= 0 || d > maxAdvance) {
		err = &inputError{Field: "advance", Message: "it must be a duration above 0, such as 2h"}
	}
	if err == nil {
		err = c.s.Advance(c.Context(), time.Duration(in.Advance))
	}
	if err != nil {
		c.fail(err)
		return
	}
	c.json(http.StatusOK, c.clockView())
}

func controlHealth(c *call) {
	failing := 0
	all := c.s.list("")
	for _, e := range all {
		if !e.FailingSince.IsZero() {
			failing++
		}
	}
	providers := c.s.cfg.Providers
	if len(providers) == 0 {
		providers = c.s.cfg.Catalogue.IDs()
	}
	routes := []string{}
	for _, r := range c.s.Routes() {
		routes = append(routes, r.Method+" "+r.Path)
	}
	c.json(http.StatusOK, struct {
		Status    string   `json:"status"`
		Endpoints int      `json:"endpoints"`
		Failing   int      `json:"failing"`
		Pending   int      `json:"pending"`
		TimeScale float64  `json:"time_scale"`
		Providers []string `json:"providers"`
		Routes    []string `json:"routes"`
	}{"ok", len(all), failing, c.s.Pending(), c.s.cfg.TimeScale, providers, routes})
}
