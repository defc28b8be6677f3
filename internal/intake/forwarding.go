package intake

import "strings"

// Forwarding says whether a header of this name claims something about the way
// of a request: whose it was, by which host and protocol it was called, who was
// logged in. From anyone but a proxy that is trusted it is what the sender made
// up. Apps that get headers as variables (CGI and its heirs) cannot tell "_"
// from "-": for them X_Forwarded_For is X-Forwarded-For.
func Forwarding(name string) bool {
	rest, ok := cutWord(name, "forwarded")
	if ok {
		return rest == ""
	}
	if rest, ok = cutWord(name, "x"); !ok {
		return false
	}
	rest, ok = cutWord(rest, "forwarded")
	return ok && rest != ""
}

// cutWord takes a word and the sign behind it off the beginning of name. The
// rest is empty where the word is all there is.
func cutWord(name, word string) (rest string, ok bool) {
	if len(name) < len(word) || !strings.EqualFold(name[:len(word)], word) {
		return "", false
	}
	rest = name[len(word):]
	if rest == "" {
		return "", true
	}
	return rest[1:], rest[0] == '-' || rest[0] == '_'
}
