package snippet

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"
)

//go:embed template
var templates embed.FS

// noImports stands where the imports will be: they are what the rest uses.
const noImports = "\x00imports\x00"

// view is what a template sees.
type view struct {
	*Handler
	Lang  string
	About []string // what stands at the top
}

// Generate writes a handler in a language.
func Generate(h *Handler, l Language) (string, error) {
	v := view{Handler: h, Lang: l.ID, About: about(h, l)}
	text, err := render(v)
	if err == nil && strings.Contains(text, noImports) {
		text = strings.Replace(text, noImports, imports(l, text), 1)
	}
	if err != nil {
		return "", fmt.Errorf("write the handler of %s in %s: %w", h.Provider, l.ID, err)
	}
	return text, nil
}

// parsed are the templates, which are parsed once.
var parsed = sync.OnceValues(func() (*template.Template, error) {
	files, err := fs.Sub(templates, "template")
	if err != nil {
		return nil, err
	}
	return template.New("").Funcs(template.FuncMap{
		"q": single, "qq": strconv.Quote, "lower": strings.ToLower, "regex": regexp.QuoteMeta,
		"many": func(s []string) bool { return len(s) > 1 },
		"hex":  func(encoding string) bool { return strings.HasPrefix(encoding, "hex") },
		"gets": func(v view) bool { return v.registers() }, "digs": digs, "optional": optional, "steps": steps, "comment": comment, "rack": rack,
		"rubySteps": func(p []any) string { return strings.ReplaceAll(steps(p), `"`, "'") },
		"phpStep":   phpStep,
		"javaStep":  func(step any) string { return steps([]any{step}) },
		"javaHash":  func(hash string) string { return "Hmac" + strings.ToUpper(hash) },
		"rustHash":  rustHash,
		"pointer":   pointer,
		"upper":     strings.ToUpper,
		"phpName":   func(s string) string { return strings.ReplaceAll(s, ".", "_") },
		"trimSlash": func(s string) string { return strings.TrimPrefix(s, "/") },
		"imports":   func() string { return noImports },
	}).ParseFS(files, "*.tmpl")
})

func render(v view) (string, error) {
	t, err := parsed()
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	err = t.ExecuteTemplate(&b, v.Lang+".tmpl", v)
	return spaced(v.Lang, b.String()), err
}

// spaced takes away the empty lines that parts of templates leave where they
// meet. In Python two stand between functions.
func spaced(lang, text string) string {
	most := "\n\n"
	if strings.HasPrefix(lang, "python") || lang == "django" {
		most = "\n\n\n"
	}
	return strings.TrimSpace(regexp.MustCompile(most+`\n+`).ReplaceAllString(text, most)) + "\n"
}

// about is what stands at the top of a handler: what it is, how it is run and
// how it is checked.
func about(h *Handler, l Language) []string {
	lines := []string{fmt.Sprintf("Receives webhooks from %s. Written by: hooks snippet %s --lang %s", h.Name, h.Provider, l.ID), ""}
	if l.Needs != "" {
		lines = append(lines, "  "+l.Needs)
	}
	if l.Run != "" {
		lines = append(lines, "  "+h.SecretEnv+"=... "+l.Run)
	}
	setup := l.Setup
	if l.Register != "" && h.registers() {
		setup = append(slices.Clone(setup), l.Register)
	}
	for _, line := range setup {
		lines = append(lines, "  "+strings.NewReplacer("PATH", h.Path, "PROVIDER", h.Provider, "SECRET", h.SecretEnv).Replace(line))
	}
	lines = append(lines, fmt.Sprintf("  hooks check http://127.0.0.1:%d%s --provider %s --secret env:%s", l.Port, h.Path, h.Provider, h.SecretEnv))
	if h.URLEnv != "" {
		lines = append(lines, "", "Set "+h.URLEnv+" to the address as "+h.Name+" has it.")
	}
	if len(h.Notes) > 0 {
		lines = append(lines, "")
	}
	return append(lines, h.Notes...)
}

// comment writes lines behind a mark. Indented ones are commands.
func comment(mark string, lines []string) string {
	out := make([]string, len(lines))
	for i, l := range lines {
		if command, ok := strings.CutPrefix(l, "  "); ok && mark == "//" {
			out[i] = "//\t" + command // as gofmt has it
			continue
		}
		out[i] = strings.TrimRight(mark+" "+l, " ")
	}
	return strings.Join(out, "\n")
}

// single quotes text as JavaScript, Python, Ruby and PHP read it.
func single(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

// isName says whether a key can follow a dot in JavaScript.
func isName(key string) bool {
	return key != "" && !strings.ContainsFunc(key, func(r rune) bool {
		return r != '_' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// optional writes a path as JavaScript's optional chaining, for what follows
// an object that is there.
func optional(path []any) string {
	var b strings.Builder
	for i, step := range path {
		key, isKey := step.(string)
		if i > 0 {
			b.WriteString("?.")
		}
		switch {
		case isKey && isName(key) && i > 0:
			b.WriteString(key)
		case isKey && isName(key):
			b.WriteString("." + key)
		case isKey:
			b.WriteString("[" + single(key) + "]")
		default:
			fmt.Fprintf(&b, "[%d]", step)
		}
	}
	return b.String()
}

// steps writes a path as arguments.
func steps(path []any) string {
	var out []string
	for _, step := range path {
		if key, ok := step.(string); ok {
			out = append(out, strconv.Quote(key))
		} else {
			out = append(out, fmt.Sprint(step))
		}
	}
	return strings.Join(out, ", ")
}

// digs says whether something is read out of the event.
func digs(v view) bool {
	inside := func(p Place) bool { return p.Kind == "body" || p.Kind == "form" }
	return inside(v.ID) || inside(v.Type) || v.Stamp != nil && len(v.Stamp.Path) > 0 ||
		slices.ContainsFunc(v.Handshakes, func(h Handshake) bool { return !h.Get })
}

// rack is the name of a header as CGI, and with it Ruby and PHP, spells it.
func rack(header string) string {
	return "HTTP_" + strings.ToUpper(strings.ReplaceAll(header, "-", "_"))
}

// rustHash is the type of a hash.
func rustHash(hash string) string {
	if hash == "sha1" {
		return "sha1::Sha1"
	}
	return "sha2::Sha" + strings.TrimPrefix(hash, "sha")
}

// pointer writes a path as a JSON pointer (RFC 6901).
func pointer(path []any) string {
	var b strings.Builder
	for _, step := range path {
		b.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(fmt.Sprint(step)))
	}
	return b.String()
}

func phpStep(step any) string {
	if key, ok := step.(string); ok {
		return single(key)
	}
	return fmt.Sprint(step)
}
