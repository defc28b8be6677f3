package diagnose

import (
	"regexp"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// A text is what the secret may be in place of what was given.
type text struct {
	change
	secret safetext.Secret
}

// texts lists the secrets that should be right, then what they are without the
// mistakes of those who copy them, then the others that are known.
func texts(r Request) []text {
	l := &textList{seen: map[string]bool{}}
	for _, s := range r.Secrets {
		l.add(change{}, s.Secret.Reveal())
	}
	for _, s := range r.Secrets {
		l.mistakes(change{}, s.Secret.Reveal(), s.Name)
	}
	for _, s := range r.Others {
		c := one(SecretOther, "it was signed with the secret "+s.Name)
		c.shown = true
		l.add(c, s.Secret.Reveal())
	}
	for _, t := range l.list[len(r.Secrets):] {
		if t.weight() == 1 && t.shown && t.causes[0] != SecretOther {
			l.mistakes(t.change, t.secret.Reveal(), "")
		}
	}
	for _, s := range r.Others {
		l.mistakes(one(SecretOther, "it was signed with the secret "+s.Name), s.Secret.Reveal(), s.Name)
	}
	return l.list
}

type textList struct {
	list []text
	seen map[string]bool
}

func (l *textList) add(c change, s string) {
	if s == "" || l.seen[s] {
		return
	}
	l.seen[s] = true
	c.rank += len(l.list)
	l.list = append(l.list, text{c, safetext.NewSecret(s)})
}

// mistakes adds what becomes of a secret by one mistake more than first.
func (l *textList) mistakes(first change, s, name string) {
	if name != "" {
		name = " " + name
	}
	found := func(c Cause, changed, detail string) {
		if changed != s {
			m := one(c, strings.ReplaceAll(detail, "NAME", "the secret"+name))
			m.shown = true
			if l.add(first.and(m), changed); first.weight() == 0 {
				l.list[len(l.list)-1].shown = true
			}
		}
	}
	found(SecretWhitespace, trimmed(s), "white space stands around NAME")
	found(SecretWhitespace, strings.ReplaceAll(s, `\n`, "\n"), `NAME has \n in two characters where a line ends`)
	found(SecretQuoted, unquoted(s), "NAME has quotes around it")
	if m := assignment().FindStringSubmatch(s); m != nil {
		found(SecretPrefix, m[1], "the name of a variable stands in front of NAME")
	}
	for _, prefix := range []string{"v1,", "whsec_", "Bearer ", "sha256="} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			found(SecretPrefix, rest, "the signer took NAME without "+prefix)
		}
	}
	guess := func(c Cause, changed, detail string) {
		l.add(first.and(one(c, strings.ReplaceAll(detail, "NAME", "the secret"+name))), changed)
	}
	if rest := otherPrefix().ReplaceAllString(s, ""); rest != s {
		guess(SecretPrefix, rest, "the signer took NAME without what stands in front of its first _")
	}
	guess(SecretWhitespace, s+"\n", "the signer's secret ends in a newline that NAME has not")
	guess(SecretPrefix, "whsec_"+s, "the signer took NAME with whsec_ in front")
	guess(SecretWhitespace, s+" ", "the signer's secret ends in a space that NAME has not")
	guess(SecretWhitespace, s+"\r\n", "the signer's secret ends in CRLF, and NAME does not")
	guess(SecretWhitespace, " "+s, "the signer's secret begins with a space that NAME has not")
	guess(SecretWhitespace, s+"\r", "the signer's secret ends in CR, and NAME does not")
	guess(SecretQuoted, `"`+s+`"`, "the signer's secret has quotes around it that NAME has not")
	guess(SecretQuoted, "'"+s+"'", "the signer's secret has quotes around it that NAME has not")
}

// trimmed takes away white space, and what looks like it or like nothing, and
// line ends that came as \n in two characters.
func trimmed(s string) string {
	const invisible = " \t\r\n\v\f\u00a0\u200b\u200c\u200d\u2060\ufeff"
	for {
		out := strings.Trim(s, invisible)
		for _, end := range []string{`\r\n`, `\n`, `\r`} {
			out = strings.TrimSuffix(out, end)
		}
		if out == s {
			return out
		}
		s = out
	}
}

// unquoted takes away quotes of every kind, and a comma or semicolon that was
// copied with them.
func unquoted(s string) string {
	inner := strings.TrimRight(s, ",;")
	for _, pair := range []string{`""`, `''`, "``", "“”", "‘’", "«»", "<>"} {
		runes := []rune(pair)
		open, end := string(runes[0]), string(runes[1])
		if len(inner) > len(open)+len(end) && strings.HasPrefix(inner, open) && strings.HasSuffix(inner, end) {
			return inner[len(open) : len(inner)-len(end)]
		}
	}
	return inner
}

// assignment is a line of a .env file or a shell.
func assignment() *regexp.Regexp {
	return regexp.MustCompile(`^(?i:export |set |\$env:)?(?i:[a-z0-9_.-]*(?:secret|key|token)[a-z0-9_.-]*) ?[=:] ?((?s:.+))$`)
}

// otherPrefix is what providers put in front of their secrets.
func otherPrefix() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]{1,15}_`) }
