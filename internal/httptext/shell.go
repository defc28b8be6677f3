package httptext

import (
	"errors"
	"fmt"
	"strings"
)

// A word is one word of a command line with its quoting taken off.
type word struct {
	text string
	open bool // it holds a variable whose value only the shell knows
}

// A command is its words and what it reads on standard input, if that stands
// in the text.
type command struct {
	words []word
	stdin *string
}

// A posix reads the part of the shell's language in which people keep curl
// commands: all quoting, comments, here-documents, pipes from printf, echo or
// cat. Nothing is run; what would have to be is an error.
type posix struct {
	in   string
	pos  int
	docs []heredoc // whose text begins on the next line
	deep int       // in $( … )
}

type heredoc struct {
	end     string
	literal bool // the end was quoted: nothing is replaced in the text
	tabs    bool // <<-: leading tabs go
	to      *command
}

var (
	errQuote        = errors.New("a quote is not closed")
	errSubstitution = errors.New("a command would have to be run to know a value")
	errFile         = errors.New("it reads a file: put what is in it in its place")
)

// maxWords is how many words a command may have.
const maxWords = 10_000

var errWords = errors.New("it has more words than a command line can have")

// pipelines reads the whole text, each as the commands between its pipes.
func (p *posix) pipelines() ([][]*command, error) {
	var all [][]*command
	for p.pos < len(p.in) {
		cmds, err := p.pipeline(0)
		if err != nil {
			return nil, err
		}
		if len(cmds) > 0 {
			all = append(all, cmds)
		}
	}
	if len(p.docs) > 0 {
		return nil, fmt.Errorf("the here-document %q is missing", p.docs[0].end)
	}
	return all, nil
}

// pipeline reads up to the end of a line, ";", "&", or the character stop if it
// is not 0.
func (p *posix) pipeline(stop byte) ([]*command, error) {
	var cmds []*command
	cur := new(command)
	for {
		p.blanks()
		if p.pos >= len(p.in) || stop != 0 && p.in[p.pos] == stop {
			return appendCommand(cmds, cur), nil
		}
		var err error
		switch c := p.in[p.pos]; c {
		case '\n':
			p.pos++
			if err := p.hereDocuments(); err != nil {
				return nil, err
			}
			if len(cur.words) > 0 || len(cmds) == 0 {
				return appendCommand(cmds, cur), nil
			} // else a pipe goes on on the next line
		case ';', '&':
			p.pos++
			return appendCommand(cmds, cur), nil
		case '|':
			p.pos++
			if p.pos < len(p.in) && p.in[p.pos] == '|' {
				p.pos++
				return appendCommand(cmds, cur), nil
			}
			cmds, cur = appendCommand(cmds, cur), new(command)
		case '<', '>':
			err = p.redirect(cur)
		case '(', ')':
			err = fmt.Errorf("%q has no meaning here", string(c))
		default:
			err = p.addWord(cur)
		}
		if err != nil {
			return nil, err
		}
	}
}

func appendCommand(cmds []*command, c *command) []*command {
	if len(c.words) > 0 {
		return append(cmds, c)
	}
	return cmds
}

// blanks skips white space within a line, continued lines and comments.
func (p *posix) blanks() {
	for p.pos < len(p.in) {
		switch rest := p.in[p.pos:]; {
		case rest[0] == ' ' || rest[0] == '\t' || rest[0] == '\r':
			p.pos++
		case strings.HasPrefix(rest, "\\\n"):
			p.pos += 2
		case strings.HasPrefix(rest, "\\\r\n"):
			p.pos += 3
		case rest[0] == '#':
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			p.pos += end
		default:
			return
		}
	}
}

// addWord reads a word, and a redirection if the word is the number of one.
func (p *posix) addWord(to *command) error {
	w, err := p.word()
	if err != nil {
		return err
	}
	if p.pos < len(p.in) && (p.in[p.pos] == '<' || p.in[p.pos] == '>') && len(w.text) == 1 && w.text[0] >= '0' && w.text[0] <= '9' {
		return p.redirect(to)
	}
	if len(to.words) == maxWords {
		return errWords
	}
	to.words = append(to.words, w)
	return nil
}

// redirect reads "<<END", "<<<text", and skips where output would go.
func (p *posix) redirect(to *command) error {
	rest := p.in[p.pos:]
	op := rest[:len(rest)-len(strings.TrimLeft(rest, "<>&-"))]
	if strings.HasPrefix(op, ">") {
		op = strings.TrimRight(op, "-")
	}
	p.pos += len(op)
	p.blanks()
	start := p.pos
	w, err := p.word()
	switch {
	case err != nil:
		return err
	case p.pos == start:
		return fmt.Errorf("nothing follows %s", op)
	case op == "<<" || op == "<<-":
		literal := strings.ContainsAny(p.in[start:p.pos], `'"\`)
		p.docs = append(p.docs, heredoc{end: w.text, literal: literal, tabs: op == "<<-", to: to})
	case op == "<<<":
		text := w.text + "\n"
		to.stdin = &text
	case strings.HasPrefix(op, "<"):
		return fmt.Errorf("< %s: %w", w.text, errFile)
	}
	return nil
}

// hereDocuments reads the texts that were announced on the line before.
func (p *posix) hereDocuments() error {
	for _, doc := range p.docs {
		var b strings.Builder
		for {
			if p.pos >= len(p.in) {
				return fmt.Errorf("the here-document %q has no end", doc.end)
			}
			line, _, whole := strings.Cut(p.in[p.pos:], "\n")
			p.pos += len(line)
			if whole {
				p.pos++
			}
			bare := strings.TrimSuffix(line, "\r")
			if doc.tabs {
				line, bare = strings.TrimLeft(line, "\t"), strings.TrimLeft(bare, "\t")
			}
			if bare == doc.end {
				break
			}
			if !whole {
				return fmt.Errorf("the here-document %q has no end", doc.end)
			}
			b.WriteString(line + "\n")
		}
		text := b.String()
		if !doc.literal {
			if strings.ContainsAny(text, "$`") {
				return fmt.Errorf("the here-document %q is not quoted and holds $ or `: write <<'%s'", doc.end, doc.end)
			}
			text = strings.NewReplacer("\\\n", "", `\\`, `\`).Replace(text)
		}
		doc.to.stdin = &text
	}
	p.docs = nil
	return nil
}

// word reads one word with all its quoting.
func (p *posix) word() (word, error) {
	var w word
	var b strings.Builder
	for p.pos < len(p.in) {
		rest := p.in[p.pos:]
		var err error
		switch c := rest[0]; {
		case strings.IndexByte(" \t\r\n|&;<>()", c) >= 0:
			w.text = b.String()
			return w, nil
		case c == '\'':
			err = p.single(&b)
		case c == '"':
			err = p.double(&b, &w)
		case strings.HasPrefix(rest, "$'"):
			err = p.ansi(&b)
		case strings.HasPrefix(rest, `$"`):
			p.pos++
		case c == '$', c == '`':
			err = p.dollar(&b, &w)
		case c == '\\':
			p.backslash(&b)
		default:
			b.WriteByte(c)
			p.pos++
		}
		if err != nil {
			return w, err
		}
	}
	w.text = b.String()
	return w, nil
}

func (p *posix) backslash(b *strings.Builder) {
	rest := p.in[p.pos+1:]
	switch {
	case rest == "":
		p.pos++
	case strings.HasPrefix(rest, "\r\n"):
		p.pos += 3
	case rest[0] == '\n':
		p.pos += 2
	default:
		b.WriteByte(rest[0])
		p.pos += 2
	}
}

func (p *posix) single(b *strings.Builder) error {
	end := strings.IndexByte(p.in[p.pos+1:], '\'')
	if end < 0 {
		return errQuote
	}
	b.WriteString(p.in[p.pos+1 : p.pos+1+end])
	p.pos += end + 2
	return nil
}

func (p *posix) double(b *strings.Builder, w *word) error {
	for p.pos++; p.pos < len(p.in); {
		c := p.in[p.pos]
		switch {
		case c == '"':
			p.pos++
			return nil
		case c == '$' || c == '`':
			if err := p.dollar(b, w); err != nil {
				return err
			}
			continue
		case c == '\\' && p.pos+1 < len(p.in) && strings.IndexByte("$`\"\\", p.in[p.pos+1]) >= 0:
			p.pos++
			b.WriteByte(p.in[p.pos])
		case c == '\\' && strings.HasPrefix(p.in[p.pos+1:], "\n"):
			p.pos++
		default:
			b.WriteByte(c)
		}
		p.pos++
	}
	return errQuote
}

// dollar reads what begins with "$". A variable stays as it is written; of
// commands only printf is known, which always prints the same.
func (p *posix) dollar(b *strings.Builder, w *word) error {
	rest := p.in[p.pos:]
	switch {
	case strings.HasPrefix(rest, "$("):
		return p.substitution(b)
	case rest[0] == '`':
		return errSubstitution
	case strings.HasPrefix(rest, "${"):
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return errQuote
		}
		b.WriteString(rest[:end+1])
		p.pos += end + 1
		w.open = true
		return nil
	}
	end := 1
	for end < len(rest) && (rest[end] == '_' || rest[end] >= '0' && rest[end] <= '9' || rest[end]|0x20 >= 'a' && rest[end]|0x20 <= 'z') {
		end++
	}
	b.WriteString(rest[:end])
	p.pos += end
	w.open = w.open || end > 1
	return nil
}

func (p *posix) substitution(b *strings.Builder) error {
	const maxNested = 4
	if p.deep == maxNested {
		return errSubstitution
	}
	inner := posix{in: p.in, pos: p.pos + 2, deep: p.deep + 1}
	cmds, err := inner.pipeline(')')
	if err != nil {
		return err
	}
	if inner.pos >= len(inner.in) || inner.in[inner.pos] != ')' {
		return errQuote
	}
	out, err := output(cmds)
	if err != nil || out == nil {
		return errSubstitution
	}
	b.WriteString(strings.TrimRight(*out, "\n"))
	p.pos = inner.pos + 1
	return nil
}
