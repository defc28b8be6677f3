package snippet

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
)

// numbered is how many headers are looked at where {n} counts them.
const numbered = 10

// signature says where signatures stand and what stands around them.
func (d *describer) signature() error {
	s := d.spec.Signature
	for _, in := range s.In {
		p := parsePlace(in)
		if p.Kind != "header" {
			return unsupported("its signature is not in a header but in " + in)
		}
		if !strings.Contains(p.Name, "{n}") {
			d.Headers = append(d.Headers, p.Name)
			continue
		}
		for n := range numbered {
			d.Headers = append(d.Headers, strings.ReplaceAll(p.Name, "{n}", strconv.Itoa(n+1)))
		}
	}
	switch d.spec.Algorithm {
	case "token", "basic":
		d.Token = map[string]string{"token": "plain", "basic": "basic"}[d.spec.Algorithm]
		return d.elements(s.Format, s.Separator)
	}
	d.Hash = strings.TrimPrefix(d.spec.Algorithm, "hmac-")
	if !slices.Contains([]string{"sha1", "sha256", "sha384", "sha512"}, d.Hash) {
		return unsupported("it signs with " + d.spec.Algorithm)
	}
	d.Encoding = s.Encoding
	switch s.Encoding {
	case "":
		d.Encoding = "hex"
	case "hex", "hex-upper", "base64", "base64url-raw":
	default:
		return unsupported("its signature is spelled in " + s.Encoding)
	}
	d.Again = s.Sets
	return d.elements(s.Format, s.Separator)
}

// elements reads how the value of a signature's header is put together.
func (d *describer) elements(format, separator string) error {
	if d.Token == "basic" {
		d.Prefix = "Basic "
		return nil
	}
	if format == "" {
		format = "{signature}"
	}
	parts := []string{format}
	if separator != "" {
		parts = strings.Split(format, separator)
	}
	for i, part := range parts {
		name, rest, found := strings.Cut(part, "{")
		switch {
		case found && rest == "signature}":
			d.Prefix = name
		case found && rest == "timestamp}":
			d.Stamp = &Stamp{Prefix: name, First: name == "" && i == 0}
			if name == "" && i > 0 {
				return unsupported("its signature's header is " + format)
			}
		default:
			return unsupported("its signature's header is " + format)
		}
	}
	if separator == "" {
		return nil
	}
	if len(d.Headers) > 1 {
		return unsupported("its signatures are lists in several headers")
	}
	d.Split = separator
	if short := strings.TrimSpace(separator); short != "" && short != separator && !strings.Contains(d.Prefix, short) {
		d.Split, d.Trim = short, true
	}
	return nil
}

// timestamp says where the signed time stands. A time that is only sent along
// proves nothing and is left alone.
func (d *describer) timestamp() error {
	t := d.spec.Timestamp
	signed := strings.Contains(strings.Join(d.templates(), ""), "{timestamp}")
	if t.In != "" {
		p := parsePlace(t.In)
		switch p.Kind {
		case "header":
			d.Stamp = &Stamp{Header: p.Name}
		case "body":
			d.Stamp, signed = &Stamp{Path: p.Path}, signed || strings.Contains(strings.Join(d.templates(), ""), "{body}")
		default:
			return unsupported("its timestamp is in " + t.In)
		}
	}
	if d.Stamp == nil || !signed {
		d.Stamp = nil
		if signed {
			return unsupported("where its timestamp stands is not known")
		}
		return nil
	}
	tolerance := t.Tolerance.Value
	if tolerance == 0 {
		tolerance = 5 * time.Minute
	}
	d.Stamp.Seconds = int(tolerance / time.Second)
	switch unit := t.Unit.Value; unit {
	case "":
		d.Stamp.Unit = "s"
	case "s", "ms", "s-or-ms", "rfc3339":
		d.Stamp.Unit = unit
	case "rfc3339ms", "rfc3339nano":
		d.Stamp.Unit = "rfc3339"
	case "local-ms":
		d.Stamp.Unit = "local"
	default:
		return unsupported("its timestamp is spelled in " + unit)
	}
	return nil
}

// templates returns the templates of what is signed.
func (d *describer) templates() []string {
	if len(d.spec.Content) == 0 {
		return []string{"{body}"}
	}
	return d.spec.Content
}

// part finds a part of a template, with its braces.
var part = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{[^{}]*\}`) })

// content reads the template of what is signed.
func (d *describer) content() error {
	text := strings.Join(d.templates(), d.spec.Join)
	if strings.Contains(text, "{{") || strings.Contains(text, "}}") {
		return unsupported("what it signs is a text of its own: " + text)
	}
	for text != "" {
		at := part().FindStringIndex(text)
		if at == nil {
			at = []int{len(text), len(text)}
		}
		d.text(text[:at[0]])
		if at[0] == at[1] {
			break
		}
		if err := d.part(text[at[0]+1 : at[1]-1]); err != nil {
			return err
		}
		text = text[at[1]:]
	}
	return nil
}

// text adds to what is signed, and to the text before it if there is one.
func (d *describer) text(s string) {
	if s == "" {
		return
	}
	if n := len(d.Content); n > 0 && d.Content[n-1].Kind == "text" {
		d.Content[n-1].Text += s
		return
	}
	d.Content = append(d.Content, Part{Kind: "text", Text: s})
}

func (d *describer) part(name string) error {
	add := func(p Part) { d.Content = append(d.Content, p) }
	switch name {
	case "body", "timestamp":
		add(Part{Kind: name})
	case "body|sha256|hex":
		add(Part{Kind: "bodyhash"})
	case "method":
		d.text(d.Method)
	case "url":
		add(Part{Kind: "url"})
		d.URLEnv = variable(d.Provider) + "_WEBHOOK_URL"
	case "form|sort|unique|join", "form|sort|join":
		add(Part{Kind: "form", Unique: strings.Contains(name, "unique")})
	case "id":
		p := parsePlace(d.spec.ID)
		if p.Kind != "header" {
			return unsupported("its message id is in " + d.spec.ID)
		}
		add(Part{Kind: "header", Text: p.Name})
	default:
		p := parsePlace(name)
		if p.Kind != "header" {
			return unsupported("what it signs holds {" + name + "}")
		}
		add(Part{Kind: "header", Text: p.Name})
	}
	return nil
}

// parsePlace reads a place of package scheme, and returns none where it is of
// a kind that handlers do not read.
func parsePlace(text string) Place {
	kind, name, _ := strings.Cut(text, ":")
	if strings.HasPrefix(text, "$") {
		kind, name = "body", text
	}
	switch kind {
	case "header", "query", "form":
		if name != "" && !strings.Contains(name, "#") {
			return Place{Kind: kind, Name: name}
		}
	case "body":
		p, err := payload.ParsePath(name)
		if err != nil {
			return Place{}
		}
		if steps, ok := p.Steps(); ok && len(steps) > 0 {
			return Place{Kind: "body", Path: steps}
		}
	}
	return Place{}
}

// insidePart finds what stands in a part before its filters.
var insidePart = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{([^{}|]+)[^{}]*\}`) })

// firstPlace returns the first of texts that is a place or else the first
// place that one of them, a template, holds.
func firstPlace(texts []string) Place {
	for _, t := range texts {
		if p := parsePlace(t); p.Kind != "" {
			return p
		}
	}
	for _, t := range texts {
		for _, m := range insidePart().FindAllStringSubmatch(t, -1) {
			if p := parsePlace(m[1]); p.Kind != "" {
				return p
			}
		}
	}
	return Place{}
}
