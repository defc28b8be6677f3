package safetext

import (
	"unicode"
	"unicode/utf8"
)

const (
	joiner        = '\u200d' // glues emoji into one picture
	emojiVariant  = '\ufe0f' // asks for the coloured form of the sign before it
	firstSkinTone = '\U0001f3fb'
	lastSkinTone  = '\U0001f3ff'
)

// joinsEmoji says whether the joiner at s[at:] stands between two emoji. The
// first may carry a skin tone or the mark for its coloured form.
func joinsEmoji(s string, at int) bool {
	before, size := utf8.DecodeLastRuneInString(s[:at])
	if before == emojiVariant || before >= firstSkinTone && before <= lastSkinTone {
		before, _ = utf8.DecodeLastRuneInString(s[:at-size])
	}
	after, _ := utf8.DecodeRuneInString(s[at+len(string(joiner)):])
	return emoji(before) && emoji(after)
}

// emoji says whether r is a picture: a sign of the blocks from which pictures
// are joined, that is assigned.
func emoji(r rune) bool {
	switch {
	case r >= 0x1f000 && r <= 0x1faff, // pictographs
		r >= 0x2190 && r <= 0x21ff, // arrows
		r >= 0x2300 && r <= 0x23ff, // technical signs
		r >= 0x2600 && r <= 0x27bf, // weather to dingbats
		r >= 0x2b00 && r <= 0x2bff: // stars and squares
		return unicode.IsSymbol(r)
	}
	return false
}
