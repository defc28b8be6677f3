package httptext

import "strings"

// The two shells of Windows quote in ways of their own. What browsers and
// documentation write for them is read here; a text has one command.

// cmdLine reads a command line of cmd: carets first, then the rules by which
// programs there split their arguments.
func cmdLine(in string) ([]word, error) {
	return splitArguments(takeCarets(in))
}

// takeCarets removes the carets that keep cmd from giving a character its
// meaning. Before a line break they join the lines.
func takeCarets(in string) string {
	in = strings.ReplaceAll(in, "\r\n", "\n")
	var b strings.Builder
	quoted := false
	for i := 0; i < len(in); i++ {
		switch c := in[i]; {
		case c == '"':
			quoted = !quoted
			b.WriteByte(c)
		case c == '^' && !quoted && i+1 < len(in):
			i++
			if in[i] != '\n' {
				b.WriteByte(in[i])
			} else if i+1 < len(in) && in[i+1] == '\n' {
				i++
				b.WriteByte('\n') // an empty line between: a line break in the text
			}
		case c == '%' && i+1 < len(in) && in[i+1] == '%':
			i++
			b.WriteByte('%')
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// splitArguments splits as programs on Windows do: only double quotes quote,
// and a backslash counts before one.
func splitArguments(in string) ([]word, error) {
	var words []word
	for {
		in = strings.TrimLeft(in, " \t\n")
		if in == "" {
			return words, nil
		}
		if len(words) == maxWords {
			return nil, errWords
		}
		var b strings.Builder
		quoted := false
		i := 0
		for ; i < len(in) && (quoted || strings.IndexByte(" \t\n", in[i]) < 0); i++ {
			if slashes := len(in[i:]) - len(strings.TrimLeft(in[i:], `\`)); slashes > 0 {
				i += slashes
				if i == len(in) || in[i] != '"' {
					b.WriteString(strings.Repeat(`\`, slashes))
					i--
					continue
				}
				b.WriteString(strings.Repeat(`\`, slashes/2))
				if slashes%2 == 1 {
					b.WriteByte('"')
					continue
				}
			}
			switch {
			case in[i] == '"' && quoted && strings.HasPrefix(in[i:], `""`):
				b.WriteByte('"')
				i++
			case in[i] == '"':
				quoted = !quoted
			default:
				b.WriteByte(in[i])
			}
		}
		if quoted {
			return nil, errQuote
		}
		words = append(words, word{text: b.String()})
		in = in[i:]
	}
}

// powerShell reads a command line of PowerShell.
func powerShell(in string) ([]word, error) {
	in = strings.ReplaceAll(in, "\r\n", "\n")
	var words []word
	var b strings.Builder
	inWord := false
	for i := 0; i < len(in); {
		rest := in[i:]
		var text string
		n := 1
		switch c := rest[0]; {
		case strings.IndexByte(" \t\n", c) >= 0:
			if inWord {
				if len(words) == maxWords {
					return nil, errWords
				}
				words = append(words, word{text: b.String()})
				b.Reset()
				inWord = false
			}
			i++
			continue
		case strings.HasPrefix(rest, "`\n"):
			i += 2
			continue
		case strings.HasPrefix(rest, "@'\n"), strings.HasPrefix(rest, "@\"\n"):
			end := strings.Index(rest, "\n"+rest[1:2]+"@")
			if end < 2 {
				return nil, errQuote
			}
			text, n = rest[min(3, end):end], end+3
		case c == '\'' || c == '"':
			var ok bool
			if text, n, ok = quotedBy(rest); !ok {
				return nil, errQuote
			}
			text = strings.ReplaceAll(text, `\"`, `"`) // old versions need it for programs
		case c == '`' && len(rest) > 1:
			text, n = rest[1:2], 2
		default:
			text = rest[:1]
		}
		inWord = true
		b.WriteString(text)
		i += n
	}
	if inWord {
		words = append(words, word{text: b.String()})
	}
	return words, nil
}

// quotedBy reads a string in single or double quotes of PowerShell.
func quotedBy(s string) (text string, size int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == s[0] && i+1 < len(s) && s[i+1] == c:
			i++
			b.WriteByte(c)
		case c == s[0]:
			return b.String(), i + 1, true
		case c == '`' && s[0] == '"' && i+1 < len(s):
			i++
			if at := strings.IndexByte("nrt0", s[i]); at >= 0 {
				b.WriteByte("\n\r\t\x00"[at])
			} else {
				b.WriteByte(s[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}
