// Package endpoint is a client of the APIs with which providers let endpoints
// be registered, and of the emulator's, which does the same for every provider.
//
// An API is data: which call does what, and what its fields are called. The
// package shows an answer as it came; what it means is read from the few fields
// that all of them have.
package endpoint

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
)

// A Verb is something that can be done with endpoints.
type Verb string

// The verbs.
const (
	Create     Verb = "create"
	List       Verb = "list"
	Get        Verb = "get"
	Update     Verb = "update"
	Delete     Verb = "delete"
	Test       Verb = "test"
	Deliveries Verb = "deliveries"
)

// An operation is the call that does it.
type operation struct {
	method, path string // {id} in the path is the endpoint's
	items        string // the member of the answer that holds the list; "": the answer is one
	inList       bool   // the endpoint is picked from the answer to list
}

// An API is how one service does it.
type API struct {
	Name string // as an error calls it
	Base string // of the real service; "" if none is known
	// Keys are sent in this header behind this word.
	header, word string
	KeyOptional  bool // the service may do without
	operations   map[Verb]operation
	oneEvent     bool // a registration is for one event, in the field event
	control      bool // the provider is named in each call
}

// Of returns the API of a provider, as its documentation has it; false if it has
// none.
func Of(provider string) (API, bool) {
	switch provider {
	case "generic":
		const path = "/v1/webhooks"
		return API{
			Name: "the generic API", header: "Authorization", word: "Bearer ", KeyOptional: true,
			operations: map[Verb]operation{
				Create:     {method: "POST", path: path},
				List:       {method: "GET", path: path, items: "webhooks"},
				Get:        {method: "GET", path: path + "/{id}"},
				Update:     {method: "PATCH", path: path + "/{id}"},
				Delete:     {method: "DELETE", path: path + "/{id}"},
				Test:       {method: "POST", path: path + "/{id}/test"},
				Deliveries: {method: "GET", path: path + "/{id}/deliveries", items: "deliveries"},
			},
		}, true
	case "sketchpen":
		const path = "/api/v1/callbacks"
		return API{
			Name: "Sketchpen's API", Base: "https://api.sketchpen.app", header: "X-Api-Key", oneEvent: true,
			operations: map[Verb]operation{
				Create: {method: "POST", path: path},
				List:   {method: "GET", path: path},
				Get:    {method: "GET", path: path, inList: true},
				Delete: {method: "DELETE", path: path + "/{id}"},
			},
		}, true
	}
	return API{}, false
}

// Emulator is the control API of hooks emulate.
func Emulator() API {
	const path = "/_hooks/endpoints"
	return API{
		Name: "the emulator", header: "Authorization", word: "Bearer ", KeyOptional: true, control: true,
		operations: map[Verb]operation{
			Create:     {method: "POST", path: path},
			List:       {method: "GET", path: path, items: "endpoints"},
			Get:        {method: "GET", path: path + "/{id}"},
			Update:     {method: "PATCH", path: path + "/{id}"},
			Delete:     {method: "DELETE", path: path + "/{id}"},
			Test:       {method: "POST", path: "/_hooks/events"},
			Deliveries: {method: "GET", path: "/_hooks/deliveries", items: "deliveries"},
		},
	}
}

// Can says whether the API has a call for a verb.
func (a API) Can(v Verb) bool { _, ok := a.operations[v]; return ok }

// OneEvent says whether an endpoint is registered for one event, so that several
// take several registrations.
func (a API) OneEvent() bool { return a.oneEvent }

// Fields are what an endpoint is made or changed with. What is nil is not sent.
type Fields struct {
	Provider string
	URL      *string
	Events   []string
	Secret   *string
	Active   *bool
}

// body writes the fields as the API calls them.
func (a API) body(f Fields) ([]byte, error) {
	m := map[string]any{}
	if f.URL != nil {
		m["url"] = *f.URL
	}
	switch {
	case len(f.Events) == 0:
	case a.oneEvent:
		m["event"] = f.Events[0]
	default:
		m["events"] = f.Events
	}
	if f.Secret != nil {
		m["secret"] = *f.Secret
	}
	if f.Active != nil {
		m["active"] = *f.Active
	}
	if a.control && f.Provider != "" {
		m["provider"] = f.Provider
	}
	return json.Marshal(m)
}

// address puts the path of a call behind the address of the service. The
// address may end with the beginning of the path, as documentation often has it.
func address(base *url.URL, path, id string) string {
	u := *base
	had := strings.TrimSuffix(u.Path, "/")
	for cut := len(path); cut > 0; cut = strings.LastIndexByte(path[:cut], '/') {
		if had != "" && strings.HasSuffix(had, path[:cut]) {
			had = strings.TrimSuffix(had, path[:cut])
			break
		}
	}
	u.RawQuery, u.Fragment = "", ""
	u.Path, u.RawPath = "", ""
	return u.String() + (&url.URL{Path: had}).EscapedPath() + strings.Replace(path, "{id}", url.PathEscape(id), 1)
}

// A Document is an answer as it came: JSON.
type Document json.RawMessage

// MarshalJSON returns the document.
func (d Document) MarshalJSON() ([]byte, error) { return d, nil }

// Text returns the first of the fields that the document has, "" if it has none.
func (d Document) Text(names ...string) string {
	for _, name := range names {
		p, err := payload.ParsePath(name)
		if err != nil {
			continue
		}
		if v := payload.FindOne(d, p); v.Kind != payload.Absent && v.Kind != payload.Null {
			return v.Text()
		}
	}
	return ""
}

// Events returns the events that the endpoint is registered for.
func (d Document) Events() []string {
	if one := d.Text("event"); one != "" {
		return []string{one}
	}
	var list []string
	_ = json.Unmarshal([]byte(d.Text("events")), &list) // none is no mistake
	return list
}

// items takes a list out of an answer: its member of that name, or the answer
// itself.
func items(doc Document, member string) ([]Document, error) {
	raw := []byte(doc)
	if text := doc.Text(member); member != "" && text != "" {
		raw = []byte(text)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("the API's answer is no list")
	}
	out := make([]Document, len(list))
	for i := range list {
		out[i] = Document(list[i])
	}
	return out, nil
}

// pick finds the endpoint with an id in a list.
func pick(list []Document, id string) (Document, bool) {
	i := slices.IndexFunc(list, func(d Document) bool { return d.Text("id") == id })
	if i < 0 {
		return nil, false
	}
	return list[i], true
}
