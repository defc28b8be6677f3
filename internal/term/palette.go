package term

import (
	"strings"

	"github.com/fatih/color"
)

// A Palette colours words by what they mean. The zero value leaves them as
// they are. A Palette is immutable and safe for concurrent use.
//
// It colours text, it does not clean it: what came from the network has to
// pass through package safetext before.
type Palette struct{ inks *[roles]ink }

// An ink is the sequences before and after coloured text.
type ink struct{ before, after string }

// The roles of the words of a palette.
const (
	good = iota
	bad
	warn
	strong
	dim
	name
	key
	text
	number
	literal
	link
	roles
)

// NewPalette returns the palette of hooks, or the colourless one if on is
// false. Only the eight colours that every terminal theme defines are used,
// none of them for backgrounds.
func NewPalette(on bool) Palette {
	if !on {
		return Palette{}
	}
	return Palette{&[roles]ink{
		good:    newInk(color.FgGreen),
		bad:     newInk(color.FgRed),
		warn:    newInk(color.FgYellow),
		strong:  newInk(color.Bold),
		dim:     newInk(color.Faint),
		name:    newInk(color.FgCyan),
		key:     newInk(color.FgCyan),
		text:    newInk(color.FgGreen),
		number:  newInk(color.FgYellow),
		literal: newInk(color.FgMagenta),
		link:    newInk(color.Underline),
	}}
}

// newInk takes the sequences from the library once, so that colouring a word
// is no more than putting three strings together.
func newInk(attributes ...color.Attribute) ink {
	c := color.New(attributes...)
	c.EnableColor() // whatever the library thinks of standard output
	const word = "w"
	before, after, _ := strings.Cut(c.Sprint(word), word)
	return ink{before, after}
}

func (p Palette) ink(role int, s string) string {
	if p.inks == nil || s == "" {
		return s
	}
	return p.inks[role].before + s + p.inks[role].after
}

// SGR returns the numbers of all colour sequences that a palette can produce,
// for tests that let nothing else through.
func SGR() []string {
	return []string{"0", "1", "2", "4", "22", "24", "31", "32", "33", "35", "36"}
}

// Enabled says whether the palette colours anything.
func (p Palette) Enabled() bool { return p.inks != nil }

// Good is for what is right: verified, delivered, passed.
func (p Palette) Good(s string) string { return p.ink(good, s) }

// Bad is for what is wrong: invalid, failed, an error.
func (p Palette) Bad(s string) string { return p.ink(bad, s) }

// Warn is for what needs a look: unsigned, a redirect, a retry.
func (p Palette) Warn(s string) string { return p.ink(warn, s) }

// Strong is for the word that a line is about.
func (p Palette) Strong(s string) string { return p.ink(strong, s) }

// Dim is for what is there if one looks for it.
func (p Palette) Dim(s string) string { return p.ink(dim, s) }

// Name is for names of things: a provider, a command, a header.
func (p Palette) Name(s string) string { return p.ink(name, s) }

// Key is for the keys of JSON.
func (p Palette) Key(s string) string { return p.ink(key, s) }

// Text is for the strings of JSON.
func (p Palette) Text(s string) string { return p.ink(text, s) }

// Number is for numbers.
func (p Palette) Number(s string) string { return p.ink(number, s) }

// Literal is for true, false and null.
func (p Palette) Literal(s string) string { return p.ink(literal, s) }

// Link is for addresses that a person may want to open.
func (p Palette) Link(s string) string { return p.ink(link, s) }
