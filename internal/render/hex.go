package render

import (
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// maxHex is how many bytes are shown in hex.
const maxHex = 1 << 10

// Hex shows bytes as numbers and, where they are printable ASCII, as
// characters, sixteen or, where that is too wide, eight a line. It ends with a
// newline.
func (v View) Hex(body []byte, more string) string {
	perLine := 16
	if v.Width > 0 && v.Width < 78 {
		perLine = 8
	}
	var b strings.Builder
	head := body[:min(len(body), maxHex)]
	for at := 0; at < len(head); at += perLine {
		v.hexLine(&b, at, head[at:min(at+perLine, len(head))], perLine)
	}
	if n := len(body) - len(head); n > 0 {
		b.WriteString(v.Palette.Dim("… +"+safetext.Thousands(n)+" bytes"+hint(more)) + "\n")
	}
	return b.String()
}

func (v View) hexLine(b *strings.Builder, at int, row []byte, perLine int) {
	const digits = "0123456789abcdef"
	offset := make([]byte, 0, 8)
	for shift := 28; shift >= 0; shift -= 4 {
		offset = append(offset, digits[at>>shift&0xf])
	}
	b.WriteString(v.Palette.Dim(string(offset)) + " ")
	var chars strings.Builder
	for i := range perLine {
		if i%8 == 0 {
			b.WriteByte(' ')
		}
		if i >= len(row) {
			b.WriteString("   ")
			continue
		}
		b.WriteByte(digits[row[i]>>4])
		b.WriteByte(digits[row[i]&0xf])
		b.WriteByte(' ')
		if row[i] >= 0x20 && row[i] < 0x7f {
			chars.WriteByte(row[i])
		} else {
			chars.WriteByte('.')
		}
	}
	text := chars.String()
	if safetext.Orders(text) {
		text = strings.ReplaceAll(text, "##", "#.") // the column keeps its width
	}
	b.WriteString(" " + text + "\n")
}
