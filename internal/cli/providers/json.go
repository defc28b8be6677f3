package providers

import (
	"slices"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// shown is the JSON form of show.
type shown struct {
	ID       string        `json:"id"`
	Name     string        `json:"name"`
	Group    string        `json:"group"`
	Rank     int           `json:"rank"`
	Origin   string        `json:"origin"`
	Home     string        `json:"home"`
	Docs     string        `json:"docs"`
	Note     string        `json:"note"`
	Checked  string        `json:"checked"`
	Sources  []string      `json:"sources"`
	SDK      []string      `json:"sdk"`
	Schemes  []shownScheme `json:"schemes"`
	Secret   shownSecret   `json:"secret"`
	Event    shownPlaces   `json:"event"`
	Delivery shownDelivery `json:"delivery"`

	Handshakes []shownHandshake `json:"handshakes"`
	Events     []shownEvent     `json:"events"`
	Sample     *shownSample     `json:"sample"`
}

type shownHandshake struct {
	Name        string `json:"name"`
	Method      string `json:"method"`
	Signed      bool   `json:"signed"`
	NeedsSecret bool   `json:"needs_secret"` // to be answered
	HandsOver   bool   `json:"hands_over_secret"`
	Note        string `json:"note"`
}

type shownScheme struct {
	Name        string   `json:"name"`
	Algorithm   string   `json:"algorithm"`
	Content     string   `json:"content"`
	In          []string `json:"in"`
	Format      string   `json:"format"`
	Encoding    string   `json:"encoding"`
	Timestamp   string   `json:"timestamp"`
	Unit        string   `json:"timestamp_unit"`
	ToleranceMS float64  `json:"tolerance_ms"`
	Assumed     []string `json:"assumed"`
}

type shownSecret struct {
	Encoding string `json:"encoding"`
	Prefix   string `json:"prefix"`
	Env      string `json:"env"`
	Note     string `json:"note"`
	KeyPair  bool   `json:"key_pair"`
}

type shownPlaces struct {
	ID    []string `json:"id"`
	Type  []string `json:"type"`
	Time  []string `json:"time"`
	Order string   `json:"order"`
}

type shownDelivery struct {
	Method     string    `json:"method"`
	Path       string    `json:"path"`
	TimeoutMS  float64   `json:"timeout_ms"`
	ScheduleMS []float64 `json:"schedule_ms"`
	Success    []string  `json:"success"`
	Stop       []string  `json:"stop"`
	RetryAfter bool      `json:"retry_after"`
	Retries    string    `json:"retries"`
	Assumed    []string  `json:"assumed"`
	Source     string    `json:"source"`
}

type shownEvent struct {
	Type      string `json:"type"`
	Summary   string `json:"summary"`
	Source    string `json:"source"`
	Synthetic bool   `json:"synthetic"`
}

type shownSample struct {
	Type    string      `json:"type"`
	Headers [][2]string `json:"headers"`
	Body    string      `json:"body"`
}

// describe is p as data.
func describe(p *provider.Provider, sample *provider.Event) shown {
	form, d := p.SecretForm(), &p.Delivery
	out := shown{
		ID: p.ID, Name: p.Name, Group: p.Group, Rank: p.Rank, Origin: p.Origin, Home: p.Home, Docs: p.Docs, Note: p.Note,
		Checked: p.Checked, Sources: list(p.Sources), SDK: list(p.SDK), Schemes: []shownScheme{}, Events: []shownEvent{},
		Secret: shownSecret{Encoding: form.Encoding, Prefix: form.Prefix, Env: form.Env, Note: form.Note, KeyPair: form.KeyPair},
		Event:  shownPlaces{ID: list(p.Places.ID), Type: list(p.Places.Type), Time: list(p.Places.Time), Order: p.Places.Order},
		Delivery: shownDelivery{
			Method: d.Method, Path: d.Path, TimeoutMS: webhook.Milliseconds(d.Timeout), ScheduleMS: []float64{}, Success: list(d.Success),
			Stop: list(d.Stop), RetryAfter: d.RetryAfter, Retries: d.Retries, Assumed: list(d.Assumed), Source: d.Source,
		},
	}
	for _, wait := range d.Schedule {
		out.Delivery.ScheduleMS = append(out.Delivery.ScheduleMS, webhook.Milliseconds(wait))
	}
	for _, s := range p.Schemes() {
		out.Schemes = append(out.Schemes, describeScheme(s.Name(), s.Spec()))
	}
	out.Handshakes = []shownHandshake{}
	for _, h := range p.Handshakes() {
		out.Handshakes = append(out.Handshakes, shownHandshake{h.Name, h.Method, h.Signed, h.NeedsSecret(), h.HandsOver(), h.Note})
	}
	for _, e := range p.Events {
		out.Events = append(out.Events, shownEvent(e))
	}
	if sample != nil {
		out.Sample = describeSample(sample)
	}
	return out
}

func describeScheme(name string, s scheme.Spec) shownScheme {
	out := shownScheme{
		Name: name, Algorithm: s.Algorithm, Content: content(s), In: list(s.Signature.In), Format: s.Signature.Format,
		Encoding: s.Signature.Encoding, Timestamp: s.Timestamp.In, Unit: s.Timestamp.Unit.Value,
		ToleranceMS: webhook.Milliseconds(s.Timestamp.Tolerance.Value), Assumed: []string{},
	}
	for field, assumed := range map[string]bool{
		"scheme": s.Assumed, "timestamp_unit": s.Timestamp.Unit.Assumed, "tolerance": s.Timestamp.Tolerance.Assumed,
	} {
		if assumed {
			out.Assumed = append(out.Assumed, field)
		}
	}
	slices.Sort(out.Assumed)
	return out
}

func describeSample(e *provider.Event) *shownSample {
	out := &shownSample{Type: e.Type, Headers: [][2]string{}, Body: string(e.Body)}
	for name, values := range e.Header {
		for _, v := range values {
			out.Headers = append(out.Headers, [2]string{name, v})
		}
	}
	slices.SortFunc(out.Headers, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	return out
}

// list makes an empty list of none.
func list(s []string) []string { return slices.Concat([]string{}, s) }
