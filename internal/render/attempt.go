package render

import (
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Attempt tells one attempt on one line, without a newline at its end:
//
//	→ http://127.0.0.1:3000/webhooks 200 OK in 3.1 ms
//	→ http://127.0.0.1:3000/webhooks 503 Service Unavailable in 2.4 ms (attempt 2)
func (v View) Attempt(a *webhook.Attempt) string {
	parts := append([]part{{v.Palette.Dim(sent), 0}, {v.line(safetext.CleanURL(or(a.URL))), 0}}, v.result(a)...)
	parts = append(parts, part{v.Palette.Dim("in " + Duration(a.Duration)), 1})
	if a.Number > 1 {
		parts = append(parts, part{v.Palette.Dim("(attempt " + strconv.Itoa(a.Number) + ")"), 0})
	}
	return v.join(parts)
}

// Attempts tells every attempt and its answer, oldest first. It ends with a
// newline.
func (v View) Attempts(attempts []webhook.Attempt) string {
	var b strings.Builder
	for i := range attempts {
		a := &attempts[i]
		if i > 0 {
			b.WriteByte('\n')
		}
		parts := append([]part{{v.Palette.Strong("attempt " + strconv.Itoa(a.Number)), 0}}, v.result(a)...)
		parts = append(parts, part{v.Palette.Dim("in " + Duration(a.Duration)), 1}, part{v.Palette.Dim("· " + v.Moment(a.At)), 3})
		b.WriteString(v.join(parts) + "\n")
		url := v.Palette.Dim(sent) + " " + v.line(safetext.CleanURL(or(a.URL)))
		b.WriteString("  " + v.fold(url, 2, 4) + "\n")
		if a.Response != nil {
			b.WriteString(inset(v.Response(a.Response)))
		}
	}
	return b.String()
}

// Response tells headers and body of an answer. It ends with a newline.
func (v View) Response(r *webhook.Response) string {
	inner := v.narrow(2)
	out := inner.Headers(r.Header, nil)
	if out != "" {
		out += "\n"
	}
	return out + inner.Body(r.Header, r.Body, "")
}
