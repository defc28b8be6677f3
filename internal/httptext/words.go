package httptext

import "strings"

// Word writes s as one word of a POSIX shell: as it is where every character
// means only itself, else in quotes.
func Word(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,") == "" {
		return s
	}
	return sh(s)
}

// Printed writes the command that prints body, byte for byte, on one line of a
// POSIX shell.
func Printed(body []byte) string {
	if text := string(body); visible(text, "") {
		return "printf '%s' '" + strings.ReplaceAll(text, "'", `'\''`) + "'"
	}
	return "printf '" + printfEscapes(string(body)) + "'"
}
