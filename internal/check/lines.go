package check

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// words joins the words of a command line.
func words(list ...string) string {
	var out []string
	for _, w := range list {
		if w != "" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}

// target is the address as the last word of a command line.
func (k *kit) target() string { return httptext.Word(k.shownURL()) }

// asProvider is what sending and signing need to be told.
func (k *kit) asProvider() string { return words("--provider", httptext.Word(k.provider.ID), k.flag) }

// headerFlags repeats the headers that go with each request. One that carries a
// credential has to be filled in.
func (k *kit) headerFlags() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(k.header)) {
		for _, v := range k.header[name] {
			out = append(out, "-H", httptext.Word(name+": "+k.masked(name, v)))
		}
	}
	return strings.Join(out, " ")
}

// sendLine sends a fresh sample of an event.
func (k *kit) sendLine(typ string, flags ...string) string {
	return words("hooks send", k.target(), "--event", httptext.Word(typ), k.asProvider(), words(flags...), k.headerFlags())
}

// maxLine is how long a body may be to stand in a command line.
const maxLine = 16 << 10

// bodyLine sends a body as it is.
func (k *kit) bodyLine(d *webhook.Delivery, flags ...string) string {
	if len(d.Body) > maxLine {
		return ""
	}
	return k.feedLine(httptext.Printed(d.Body), d.EventType, flags...)
}

// feedLine sends what a command prints.
func (k *kit) feedLine(feed, typ string, flags ...string) string {
	event := ""
	if typ != "" {
		event = "--event " + httptext.Word(typ)
	}
	return feed + " | " + words("hooks send", k.target(), "-d -", event, k.asProvider(), words(flags...), k.headerFlags())
}

// checkLine runs one case again.
func (k *kit) checkLine(id string) string {
	return words("hooks check", k.target(), k.asProvider(), k.headerFlags(), "--only", id)
}

// curlLine signs a body, passes the signed headers through a filter, and sends
// them with other headers and perhaps another body.
func (k *kit) curlLine(draft *webhook.Delivery, filter string, body []byte, respell func(string) string) string {
	if len(draft.Body)+len(body) > maxLine {
		return ""
	}
	line := httptext.Printed(draft.Body) + " > body.json && "
	id, flag := k.signedID(draft)
	sign := words("hooks sign body.json", "--event", httptext.Word(draft.EventType), k.asProvider(), flag, "--url", k.target())
	file := "body.json"
	if body != nil {
		line += httptext.Printed(body) + " > other.json && "
		file = "other.json"
	}
	if filter != "" {
		sign += " | " + filter
	}
	var headers []string
	for _, name := range slices.Sorted(maps.Keys(draft.Header)) {
		if name == id {
			continue // signing prints it
		}
		for _, v := range draft.Header[name] {
			headers = append(headers, "-H", httptext.Word(respell(name)+": "+k.masked(name, v)))
		}
	}
	return line + sign + " | " + words("curl -i -X", draft.Method, "-H @-", strings.Join(headers, " "), "--data-binary @"+file, k.target())
}

// signedID returns the header of a message id that is signed, and the flag that
// lets it be signed again.
func (k *kit) signedID(draft *webhook.Delivery) (header, flag string) {
	if k.main() == nil {
		return "", ""
	}
	name, ok := strings.CutPrefix(k.main().Spec().ID, "header:")
	name = http.CanonicalHeaderKey(name)
	if value := draft.Header.Get(name); ok && value != "" {
		return name, "--id " + httptext.Word(value)
	}
	return "", ""
}

func same(name string) string { return name }

// masked keeps credentials that a person has given out of a line.
func (k *kit) masked(name, value string) string {
	if k.header[name] != nil && safetext.Sensitive(name) {
		return "…"
	}
	return value
}

// awk is a filter for the lines of signed headers.
func awk(program string) string { return "awk '" + program + "'" }

// respelled is a filter that changes the names of headers.
func respelled(function string) string {
	return awk(fmt.Sprintf(`{i = index($0, ":"); print %s(substr($0, 1, i)) substr($0, i + 1)}`, function))
}
