package httptext

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// output is what a pipeline of printf, echo and cat prints; nil if it is empty.
func output(cmds []*command) (*string, error) {
	var in *string
	for _, c := range cmds {
		if c.stdin != nil {
			in = c.stdin
		}
		args := make([]string, 0, len(c.words))
		for _, w := range c.words {
			if w.open {
				return nil, fmt.Errorf("%s prints a variable, whose value is not known here", c.words[0].text)
			}
			args = append(args, w.text)
		}
		var out string
		switch args[0] {
		case "printf":
			text, err := printf(args[1:])
			if err != nil {
				return nil, err
			}
			out = text
		case "echo":
			out = echo(args[1:])
		case "cat":
			if len(args) > 1 && (len(args) > 2 || args[1] != "-") {
				return nil, fmt.Errorf("cat: %w", errFile)
			}
			continue
		default:
			return nil, fmt.Errorf("%.40q would have to be run", args[0])
		}
		in = &out
	}
	return in, nil
}

func echo(args []string) string {
	end, escapes := "\n", false
	for len(args) > 0 {
		switch args[0] {
		case "-n":
			end = ""
		case "-e":
			escapes = true
		case "-ne", "-en":
			end, escapes = "", true
		default:
			text := strings.Join(args, " ")
			if escapes {
				text = unescape(text, false)
			}
			return text + end
		}
		args = args[1:]
	}
	return end
}

// printf prints as the shell's own does, of the verbs only %s, %b and %%. It
// goes through the format once: so no more comes out than went in.
func printf(args []string) (string, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return "", errors.New("printf has no format")
	}
	format, args := args[0], args[1:]
	var b strings.Builder
	for format != "" {
		plain, rest, verb := strings.Cut(format, "%")
		b.WriteString(unescape(plain, false))
		if !verb {
			break
		}
		arg := ""
		switch kind := rest[:min(1, len(rest))]; {
		case kind == "%":
			arg = "%"
		case kind != "s" && kind != "b":
			return "", fmt.Errorf("printf: %%%s is not known here", kind)
		case len(args) == 0:
		default:
			arg, args = args[0], args[1:]
			if kind == "b" {
				arg = unescape(arg, false)
			}
		}
		b.WriteString(arg)
		format = rest[1:]
	}
	if len(args) > 0 {
		return "", errors.New("printf has more values than its format takes")
	}
	return b.String(), nil
}

// ansi reads $'…'.
func (p *posix) ansi(b *strings.Builder) error {
	start := p.pos + 2
	for i := start; i < len(p.in); i++ {
		switch p.in[i] {
		case '\\':
			i++
		case '\'':
			b.WriteString(unescape(p.in[start:i], true))
			p.pos = i + 1
			return nil
		}
	}
	return errQuote
}

// unescape replaces the escapes that printf and $'…' share; full adds those of
// $'…' alone. An unknown escape stays as it is.
func unescape(s string, full bool) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if at := strings.IndexByte(`abefnrtv\`, s[i]); at >= 0 {
			b.WriteByte("\a\b\x1b\f\n\r\t\v\\"[at])
			continue
		}
		n, ok := number(s[i:], full, &b)
		if !ok {
			if !full || strings.IndexByte(`'"?E`, s[i]) < 0 {
				b.WriteByte('\\')
			} else if s[i] == 'E' {
				b.WriteByte('\x1b')
				continue
			}
			b.WriteByte(s[i])
			continue
		}
		i += n - 1
	}
	return b.String()
}

// number writes the character that s begins to name by number, and returns how
// long that name is.
func number(s string, full bool, b *strings.Builder) (length int, ok bool) {
	base, skip, most := 8, 0, 3
	switch c := s[0]; {
	case c >= '0' && c <= '7':
	case c == 'x':
		base, skip, most = 16, 1, 2
	case full && c == 'u':
		base, skip, most = 16, 1, 4
	case full && c == 'U':
		base, skip, most = 16, 1, 8
	default:
		return 0, false
	}
	end := skip
	for end < len(s) && end < skip+most && digit(s[end]) < base {
		end++
	}
	v, err := strconv.ParseUint(s[skip:end], base, 32)
	if err != nil {
		return 0, false
	}
	if most <= 3 {
		b.WriteByte(byte(v))
	} else {
		b.Write(utf8.AppendRune(nil, rune(v)))
	}
	return end, true
}

func digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return 99
}
