package httptext

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
)

// isUTF16 says whether data begins with the mark that UTF-16 has: what PowerShell
// redirects into a file, and what some editors save. No form that is read
// begins with these two bytes.
func isUTF16(data []byte) bool {
	return bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff"))
}

// FromUTF16 returns data, if it is marked as UTF-16, in UTF-8. All else is left
// as it is.
func FromUTF16(data []byte) []byte {
	if !isUTF16(data) {
		return data
	}
	var order binary.ByteOrder = binary.LittleEndian
	if data[0] == 0xfe {
		order = binary.BigEndian
	}
	units := make([]uint16, 0, len(data)/2)
	for data = data[2:]; len(data) >= 2; data = data[2:] {
		units = append(units, order.Uint16(data))
	}
	return []byte(string(utf16.Decode(units)))
}
