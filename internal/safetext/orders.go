package safetext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// CI systems obey lines that a program writes into their log. GitHub knows
// "::name parameters::value" at the beginning of a line, whatever white space
// stands before it, and "##[name parameters]value" anywhere; Azure obeys
// "##vso[name parameters]value" anywhere, TeamCity "##teamcity[name …]". One of
// them in a payload could set what a later step takes for an output, or silence
// the log. Without its first sign none is one.

// Orders says whether such a command stands in s, of which nothing is hidden.
func Orders(s string) bool {
	for at := range len(s) {
		if (s[at] == '#' || s[at] == ':') && orders(s, at) {
			return true
		}
	}
	return false
}

// orders says whether such a command begins at s[at], a "#" or a ":".
func orders(s string, at int) bool {
	if s[at] == '#' {
		return bracketed(s[at:])
	}
	return strings.HasPrefix(s[at:], "::") && opensLine(s[:at]) && coloned(s[at+2:])
}

// bracketed says whether s begins with "##", a few letters or none, and a word
// in brackets.
func bracketed(s string) bool {
	const maxName = 16
	rest, ok := strings.CutPrefix(s, "##")
	for n := 0; n < maxName && rest != "" && letter(rest[0]); n++ {
		rest = rest[1:]
	}
	return ok && len(rest) > 1 && rest[0] == '[' && letter(rest[1])
}

// opensLine says whether nothing but white space stands between the last line
// break of s, or its beginning, and its end.
func opensLine(s string) bool {
	for s != "" {
		r, size := utf8.DecodeLastRuneInString(s)
		switch {
		case r == '\n':
			return true
		case !unicode.IsSpace(r):
			return false
		}
		s = s[:len(s)-size]
	}
	return true
}

// coloned says whether s goes on as what begins with "::" does: with a word, and
// "::" again on the same line. That of an IPv6 address does not.
func coloned(s string) bool {
	line, _, _ := strings.Cut(s, "\n")
	return line != "" && letter(line[0]) && strings.Contains(line, "::")
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
