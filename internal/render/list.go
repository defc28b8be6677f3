package render

import (
	"strconv"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// Deliveries lists deliveries in the order given, one a line. Where matched is
// set, it tells for each index what a search found in it, made safe already or
// not. It ends with a newline; without deliveries it is empty.
func (v View) Deliveries(ds []*webhook.Delivery, matched func(i int) string) string {
	columns := []Column{
		{Title: ""},
		{Title: "when", Drop: 3},
		{Title: "provider", Shrink: true, Drop: 1},
		{Title: "event", Shrink: true},
		{Title: "id"},
		{Title: "event id", Drop: 5, Shrink: true},
		{Title: "size", Right: true, Drop: 4},
		{Title: "status", Drop: 2},
	}
	if matched != nil {
		columns = append(columns, Column{Title: "found in", Shrink: true})
	}
	rows := make([][]string, 0, len(ds))
	for i, d := range ds {
		cells := []string{
			v.mark(d),
			v.Palette.Dim(v.Clock(d.ReceivedAt)),
			v.Palette.Name(v.line(or(d.Provider))),
			v.Palette.Strong(v.line(or(d.EventType))),
			v.line(or(d.ID)),
			v.line(or(d.EventID)),
			v.Palette.Dim(Size(len(d.Body))),
			v.outcomeCell(d),
		}
		if matched != nil {
			cells = append(cells, v.line(matched(i)))
		}
		rows = append(rows, cells)
	}
	return v.Table(columns, rows)
}

// mark is the verdict of what was received, or an arrow for what was sent.
func (v View) mark(d *webhook.Delivery) string {
	if d.Direction == webhook.Sent {
		return v.Palette.Dim(sent)
	}
	return v.Glyph(d.Verification.Status)
}

// outcomeCell is the status of the newest attempt, else of the answer that was
// given, in few characters.
func (v View) outcomeCell(d *webhook.Delivery) string {
	switch n := len(d.Attempts); {
	case n > 0 && d.Attempts[n-1].Response != nil:
		code := d.Attempts[n-1].Response.Status
		return v.statusColor(code)(strconv.Itoa(code))
	case n > 0:
		return v.Palette.Bad("failed")
	case d.Response != nil:
		return v.statusColor(d.Response.Status)(strconv.Itoa(d.Response.Status))
	}
	return v.Palette.Dim("-")
}
