package render

import (
	"maps"
	"net/http"
	"slices"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// Headers lists a header, sorted by name, the values of a name in their order.
// Credentials are masked unless the View shows them. Where signed is set,
// names for which it is false are marked "unsigned": whoever has the request
// can change them and the signature stays right. It ends with a newline, or is
// empty.
func (v View) Headers(h http.Header, signed func(name string) bool) string {
	var rows []Pair
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			rows = append(rows, Pair{name, v.headerValue(name, value, signed)})
		}
	}
	return v.pairs(rows, v.Palette.Key)
}

func (v View) headerValue(name, value string, signed func(string) bool) string {
	shown := v.value(value)
	if !v.Credentials && value != "" && safetext.Sensitive(name) {
		shown = v.Palette.Dim(v.line(safetext.MaskValue(value)))
	}
	if signed != nil && !signed(name) {
		shown += v.Palette.Dim("  unsigned")
	}
	return shown
}
