package diagnose

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
)

// dumped has bodies that were turned to text by printing a value, and not by
// writing JSON.
func (l *bodyList) dumped(b []byte) {
	text := bytes.TrimSpace(b)
	if len(text) < 3 {
		return
	}
	switch {
	case text[0] == '"' && json.Valid(text):
		l.found(BodyReserialised, []byte(payload.Value{Kind: payload.String, Raw: text}.Text()),
			"the body is a JSON string that holds what was signed: it was written as JSON once too often")
	case bytes.HasPrefix(text, []byte(`b'`)), bytes.HasPrefix(text, []byte(`b"`)):
		if raw, rest, ok := pythonString(string(text[1:]), true); ok && rest == "" {
			l.found(BodyReserialised, []byte(raw), "the body is bytes as Python prints them: str() was used where .decode() was meant")
		}
	case text[0] == '{':
		l.printed(string(text))
	}
}

func (l *bodyList) printed(text string) {
	var buffer struct {
		Type string `json:"type"`
		Data []int  `json:"data"`
	}
	if strings.Contains(text, `"Buffer"`) && json.Unmarshal([]byte(text), &buffer) == nil && buffer.Type == "Buffer" {
		raw := make([]byte, len(buffer.Data))
		for i, c := range buffer.Data {
			raw[i] = byte(c) // #nosec G115 -- cut as Node cuts
		}
		l.found(BodyReserialised, raw, "the body is a Node Buffer written as JSON: it was given to JSON.stringify")
		return
	}
	if plain, ok := fromPython(text); ok {
		l.dump(plain, "the body is a Python dict as str() prints it; what was signed is its JSON ")
		return
	}
	if plain, ok := fromRuby(text); ok {
		l.dump(plain, "the body is a Ruby hash as to_s prints it; what was signed is its JSON ")
	}
}

func (l *bodyList) dump(plain, what string) {
	if d := parseJSON([]byte(plain)); d != nil {
		l.styled(d, what)
	}
}

// fromPython turns the text of a dict into JSON.
func fromPython(text string) (string, bool) {
	if !strings.HasPrefix(text, "{'") {
		return "", false
	}
	var out strings.Builder
	for text != "" {
		switch {
		case text[0] == '\'' || text[0] == '"':
			s, rest, ok := pythonString(text, false)
			if !ok {
				return "", false
			}
			out.Write(payload.AppendQuoted(nil, s))
			text = rest
		case keyword(&out, &text, "True", "true"), keyword(&out, &text, "False", "false"), keyword(&out, &text, "None", "null"):
		default:
			out.WriteByte(text[0])
			text = text[1:]
		}
	}
	return out.String(), true
}

// keyword replaces a word that text begins with.
func keyword(out *strings.Builder, text *string, word, by string) bool {
	rest, ok := strings.CutPrefix(*text, word)
	if ok {
		out.WriteString(by)
		*text = rest
	}
	return ok
}

// pythonString reads a literal that text begins with, of bytes or of
// characters.
func pythonString(text string, ofBytes bool) (s, rest string, ok bool) {
	quote := text[0]
	var out []byte
	for i := 1; i < len(text); i++ {
		if text[i] == quote {
			return string(out), text[i+1:], true
		}
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		switch c := text[i]; c {
		case 'x', 'u', 'U':
			digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[c]
			if i+digits >= len(text) {
				return "", "", false
			}
			v, err := strconv.ParseUint(text[i+1:i+1+digits], 16, 32)
			if err != nil {
				return "", "", false
			}
			if i += digits; ofBytes {
				out = append(out, byte(v)) // #nosec G115 -- two digits
			} else {
				out = append(out, string(rune(v))...) // #nosec G115 -- what is no character becomes U+FFFD
			}
		case 'n', 'r', 't':
			out = append(out, map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}[c])
		default:
			out = append(out, c)
		}
	}
	return "", "", false
}

// fromRuby turns the text of a hash into JSON. Strings are as in JSON, but for
// an escaped #.
func fromRuby(text string) (string, bool) {
	if !strings.Contains(text, "=>") || !strings.HasPrefix(text, `{"`) {
		return "", false
	}
	var out strings.Builder
	for text != "" {
		switch {
		case text[0] == '"':
			n := 1
			for n < len(text) && text[n] != '"' {
				if text[n] == '\\' {
					n++
				}
				n++
			}
			if n >= len(text) {
				return "", false
			}
			out.WriteString(strings.NewReplacer(`\\`, `\\`, `\#`, `#`, `\e`, `\u001b`).Replace(text[:n+1]))
			text = text[n+1:]
		case keyword(&out, &text, " => ", ":"), keyword(&out, &text, "=>", ":"), keyword(&out, &text, "nil", "null"):
		default:
			out.WriteByte(text[0])
			text = text[1:]
		}
	}
	return out.String(), true
}
