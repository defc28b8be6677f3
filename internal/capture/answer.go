package capture

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// An answer is what the sender gets.
type answer struct {
	status int
	header http.Header // nil for none of its own
	body   []byte
}

func plain(status int, text string) answer {
	return answer{status: status, body: []byte(text + "\n")}
}

// custom is an answer whose body the person has given.
func custom(status int, body []byte) answer {
	a := answer{status: status, body: body}
	if json.Valid(body) {
		a.header = http.Header{"Content-Type": {"application/json"}}
	}
	return a
}

// write sends a. A sender that has left gets nothing: what he sent is stored
// all the same.
func (a answer) write(w http.ResponseWriter, r *http.Request, id string) {
	h := w.Header()
	maps.Copy(h, a.header)
	if a.header == nil {
		h["Content-Type"] = []string{"text/plain; charset=utf-8"}
		h["X-Content-Type-Options"] = []string{"nosniff"}
	}
	if id != "" {
		h["Hooks-Delivery"] = []string{id}
	}
	bodyless := a.status == http.StatusNoContent || a.status == http.StatusNotModified
	if !bodyless && (r.Method != http.MethodHead || a.header == nil) {
		h["Content-Length"] = []string{strconv.Itoa(len(a.body))}
	}
	w.WriteHeader(a.status)
	if !bodyless && r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
	// What follows, the observer for one, must not keep the sender waiting.
	_ = http.NewResponseController(w).Flush()
}

// passOn is the app's answer as the sender gets it.
func passOn(r *webhook.Response) answer {
	h := deliver.EndToEnd(r.Header)
	if length := r.Header.Get("Content-Length"); length != "" {
		h.Set("Content-Length", length) // of an answer to HEAD; write knows better for others
	}
	return answer{status: r.Status, header: h, body: r.Body}
}
