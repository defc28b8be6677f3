package render

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A part is a piece of a line. Where the line gets too long, the parts with
// the highest drop go first; those with 0 stay.
type part struct {
	text string
	drop int
}

// join puts parts on one line that fits the width, if leaving out helps; else
// it is folded.
func (v View) join(parts []part) string {
	for {
		var words []string
		worst := -1
		for i, p := range parts {
			if p.text == "" {
				continue
			}
			words = append(words, p.text)
			if p.drop > 0 && (worst < 0 || p.drop > parts[worst].drop) {
				worst = i
			}
		}
		line := strings.Join(words, " ")
		if v.Width == 0 || worst < 0 || width(line) <= v.Width {
			return v.fold(line, 0, 2)
		}
		parts[worst].text = ""
	}
}

// Line tells a delivery on one line, without a newline at its end:
//
//	→ canvelete render.completed evt_abc123 200 OK in 3.1 ms
//	14:03:05 ✓ canvelete render.completed evt_abc123 512 B → 200 OK in 3.1 ms
//	14:03:05 ✗ canvelete render.completed evt_abc123 512 B signature_mismatch
//
// For a sent delivery it is the newest attempt that is told. On a terminal that
// is too narrow, the least important parts are left out.
func (v View) Line(d *webhook.Delivery) string {
	if d.Direction == webhook.Sent {
		return v.join(append(v.subject(v.Palette.Dim(sent), d), v.outcome(d)...))
	}
	parts := []part{{v.Palette.Dim(v.Clock(d.ReceivedAt)), 3}}
	parts = append(parts, v.subject(v.Glyph(d.Verification.Status), d)...)
	parts = append(parts, part{v.Palette.Dim(Size(len(d.Body))), 5})
	if r := d.Verification.Reason; r != "" && d.Verification.Status != webhook.Verified {
		parts = append(parts, part{v.verdictColor(d.Verification.Status)(v.line(string(r))), 0})
	}
	if d.DuplicateOf != "" {
		parts = append(parts, part{v.Palette.Warn("duplicate"), 0})
	}
	if out := v.outcome(d); len(out) > 0 {
		parts = append(parts, part{v.Palette.Dim(sent), 0})
		parts = append(parts, out...)
	} else if d.Response != nil {
		parts = append(parts, part{v.statusColor(d.Response.Status)(strconv.Itoa(d.Response.Status)), 1})
	}
	return v.join(parts)
}

func (v View) subject(glyph string, d *webhook.Delivery) []part {
	return []part{
		{glyph, 0},
		{v.Palette.Name(v.line(or(d.Provider))), 0},
		{v.Palette.Strong(v.line(or(d.EventType))), 0},
		{v.line(or(d.EventID)), 0},
	}
}

func (v View) verdictColor(s webhook.Status) func(string) string {
	switch s {
	case webhook.Verified:
		return v.Palette.Good
	case webhook.Invalid, webhook.Unsigned:
		return v.Palette.Bad
	}
	return v.Palette.Warn
}

// outcome tells the newest attempt.
func (v View) outcome(d *webhook.Delivery) []part {
	if len(d.Attempts) == 0 {
		return nil
	}
	a := &d.Attempts[len(d.Attempts)-1]
	parts := append(v.result(a), part{v.Palette.Dim("in " + Duration(a.Duration)), 1})
	if n := len(d.Attempts); n > 1 {
		parts = append(parts, part{v.Palette.Dim("(attempt " + strconv.Itoa(n) + ")"), 4})
	}
	return parts
}

// result is the answer to an attempt, or why there is none.
func (v View) result(a *webhook.Attempt) []part {
	var parts []part
	if a.Response != nil {
		color := v.statusColor(a.Response.Status)
		parts = []part{{color(strconv.Itoa(a.Response.Status)), 0}, {color(http.StatusText(a.Response.Status)), 2}}
	}
	switch {
	case a.Err != "":
		parts = append(parts, part{v.Palette.Bad(v.line(a.Err)), 0})
	case a.Response == nil:
		parts = append(parts, part{v.Palette.Bad("no answer"), 0})
	}
	return parts
}

// FullOptions say what Full shows besides the delivery itself.
type FullOptions struct {
	// Signed says whether the signature covers the header of this name, or is
	// it. Where it is set and the delivery is verified, the other headers are
	// marked "unsigned".
	Signed func(name string) bool

	// Attempts shows every attempt with its answer, not only the line.
	Attempts bool
}

// Full tells a delivery at length: line, verdict, request, headers, body. It
// ends with a newline.
func (v View) Full(d *webhook.Delivery, o FullOptions) string {
	var b strings.Builder
	b.WriteString(v.Line(d) + "\n")
	b.WriteString(inset(v.facts(d)) + "\n")
	signed := o.Signed
	if d.Verification.Status != webhook.Verified {
		signed = nil
	}
	inner := v.narrow(2)
	if headers := inner.Headers(d.Header, signed); headers != "" {
		b.WriteString(inset(headers) + "\n")
	}
	b.WriteString(inset(inner.Body(d.Header, d.Body, showRaw(d.ID))))
	if o.Attempts && len(d.Attempts) > 0 {
		b.WriteString("\n" + v.Attempts(d.Attempts))
	}
	return b.String()
}

// showRaw is the command that prints the whole body of a delivery.
func showRaw(id string) string { return "hooks events show " + safetext.Line(or(id)) + " --raw" }

// facts are the lines between the first line and the headers.
func (v View) facts(d *webhook.Delivery) string {
	rows := []Pair{{"id", v.line(or(d.ID))}}
	if d.Direction == webhook.Sent {
		rows = append(rows, Pair{"to", v.address(d)}, Pair{"sent", v.when(d)})
	} else {
		rows = append(rows, Pair{"request", v.address(d)}, Pair{"received", v.when(d)})
		if d.RemoteAddr != "" {
			rows = append(rows, Pair{"from", v.line(d.RemoteAddr) + v.Palette.Dim(" "+v.line(d.Proto))})
		}
		rows = append(rows, Pair{"signature", v.Verification(d.Verification)})
	}
	if d.DuplicateOf != "" {
		rows = append(rows, Pair{"duplicate of", v.line(d.DuplicateOf)})
	}
	if d.Response != nil {
		rows = append(rows, Pair{"answered", v.Status(d.Response.Status)})
	}
	if len(d.Redacted) > 0 {
		rows = append(rows, Pair{"redacted", v.Palette.Warn(v.line(strings.Join(d.Redacted, ", ")))})
	}
	rows = append(rows, Pair{"size", Size(len(d.Body))})
	return v.narrow(2).Pairs(rows)
}

func (v View) when(d *webhook.Delivery) string {
	if d.ReceivedAt.IsZero() {
		return "-"
	}
	return v.Moment(d.ReceivedAt) + v.Palette.Dim(" · "+v.Age(d.ReceivedAt))
}

// address is method and target of a delivery.
func (v View) address(d *webhook.Delivery) string {
	url := d.URL
	if url == "" {
		url = d.Path
		if d.Query != "" {
			url += "?" + d.Query
		}
	}
	return v.Palette.Strong(v.line(or(d.Method))) + " " + v.line(safetext.CleanURL(or(url)))
}
