package scheme

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/inflate"
	"github.com/hooks-cli/hooks/internal/payload"
)

// A filter changes a text. It may keep or reuse in.
type filter func(in []byte, r *reading) []byte

// A listFilter changes a list of fields; the last one of a part makes text.
type listFilter func(fields) fields

// addFilters compiles the filters of a part. Those for lists come first.
func (n *node) addFilters(specs []string) error {
	if n.isList() && slices.ContainsFunc(specs, endsList) {
		i := slices.IndexFunc(specs, endsList)
		source := n.text
		n.kind = nodeFields
		for _, spec := range specs[:i] {
			f, err := newListFilter(spec)
			if err != nil {
				return err
			}
			n.lists = append(n.lists, f)
		}
		name, args := cutFilter(specs[i])
		n.text = source
		n.filters = []filter{func([]byte, *reading) []byte { return nil }}
		n.filters[0] = listEnd(n, name, args)
		specs = specs[i+1:]
	}
	for _, spec := range specs {
		f, err := newFilter(spec)
		if err != nil {
			return err
		}
		n.filters = append(n.filters, f)
		n.keyed = n.keyed || strings.HasPrefix(spec, "hmac-")
		n.defaults = n.defaults || strings.HasPrefix(spec, "default:")
	}
	return nil
}

// isList says whether the node can be taken as a list of fields.
func (n *node) isList() bool {
	return n.kind == nodeBody && n.text != "" || n.kind == nodeURL && n.text == "query"
}

func endsList(spec string) bool {
	name, _ := cutFilter(spec)
	return name == "join" || name == "values" || name == "php"
}

// listEnd is the filter that makes text of the list that n names.
func listEnd(n *node, name string, args []string) filter {
	source, lists := n.text, n.lists
	arg := func(i int) string {
		if i < len(args) {
			return args[i]
		}
		return ""
	}
	return func(_ []byte, r *reading) []byte {
		var fs fields
		switch source {
		case "query":
			fs = r.query()
		case "form":
			fs = r.form()
		case "json":
			fs = objectFields(r.m.Body)
		}
		fs = r.withoutSignature(source, fs)
		for _, f := range lists {
			fs = f(fs)
		}
		switch name {
		case "values":
			return []byte(fs.values(arg(0)))
		case "php":
			return []byte(fs.php())
		}
		return []byte(fs.text(arg(0), arg(1)))
	}
}

func cutFilter(spec string) (name string, args []string) {
	parts := splitEscaped(spec, ':')
	for _, a := range parts[1:] {
		args = append(args, plainArg(a))
	}
	return parts[0], args
}

func newListFilter(spec string) (listFilter, error) {
	name, args := cutFilter(spec)
	arg := strings.Join(args, ":")
	switch name {
	case "only":
		names := strings.Split(arg, ",")
		return func(fs fields) fields { return fs.only(names...) }, nil
	case "except":
		names := strings.Split(arg, ",")
		return func(fs fields) fields { return fs.without(names...) }, nil
	case "nonempty":
		return func(fs fields) fields { return fs.keep(func(f field) bool { return f.value != "" }) }, nil
	case "sort":
		return fields.sorted, nil
	case "unique":
		return fields.unique, nil
	case "group":
		return func(fs fields) fields { return fs.joined(arg) }, nil
	case "encode":
		return fields.percentEncoded, nil
	case "encode-form":
		return fields.formEncoded, nil
	}
	return nil, fmt.Errorf("filter %q is none for a list", name)
}

// textFilters are those that need no argument and nothing of the request.
var textFilters = [...]struct {
	name string
	do   func([]byte) []byte
}{
	{"hex", func(b []byte) []byte { return hex.AppendEncode(nil, b) }},
	{"hex-upper", func(b []byte) []byte { return []byte(strings.ToUpper(hex.EncodeToString(b))) }},
	{"base64", func(b []byte) []byte { return base64.StdEncoding.AppendEncode(nil, b) }},
	{"base64url", func(b []byte) []byte { return base64.URLEncoding.AppendEncode(nil, b) }},
	{"base64-raw", func(b []byte) []byte { return base64.RawStdEncoding.AppendEncode(nil, b) }},
	{"base64url-raw", func(b []byte) []byte { return base64.RawURLEncoding.AppendEncode(nil, b) }},
	{"unhex", func(b []byte) []byte { out, _ := hex.DecodeString(string(b)); return out }},
	{"unbase64", func(b []byte) []byte { out, _ := decodeBase64(string(b)); return out }},
	{"unbase64url", func(b []byte) []byte { out, _ := decodeBase64(string(b)); return out }},
	{"gunzip", gunzip},
	{"lower", func(b []byte) []byte { return []byte(strings.ToLower(string(b))) }},
	{"upper", func(b []byte) []byte { return []byte(strings.ToUpper(string(b))) }},
	{"trim", func(b []byte) []byte { return []byte(strings.TrimSpace(string(b))) }},
	{"crc32", func(b []byte) []byte { return strconv.AppendUint(nil, uint64(crc32.ChecksumIEEE(b)), 10) }},
	{"json", func(b []byte) []byte { return payload.AppendQuoted(nil, string(b)) }},
	{"jwt", tokenPayload},
	{"compact", func(b []byte) []byte { return payload.Compact(b) }},
	{"canonical", func(b []byte) []byte { return payload.Canonical(b) }},
	{"ascii", asciiJSON},
	{"encode", func(b []byte) []byte { return []byte(percentEncode(string(b), unreserved)) }},
	{"encode-uri", func(b []byte) []byte { return []byte(percentEncode(string(b), uriReserved)) }},
	{"decode", func(b []byte) []byte { return []byte(unescapePath(string(b))) }},
	{"unhtml", func(b []byte) []byte { return []byte(html.UnescapeString(string(b))) }},
}

func newFilter(spec string) (filter, error) {
	name, args := cutFilter(spec)
	for _, f := range textFilters {
		if f.name == name && len(args) == 0 {
			do := f.do
			return func(in []byte, _ *reading) []byte { return do(in) }, nil
		}
	}
	for _, h := range hashes {
		switch {
		case len(args) > 0:
		case name == h.name:
			return func(in []byte, _ *reading) []byte { return sum(h.new(), in) }, nil
		case name == "hmac-"+h.name:
			return func(in []byte, r *reading) []byte {
				if r.key == nil {
					return nil
				}
				return sum(hmac.New(h.new, r.key.secret), in)
			}, nil
		}
	}
	return argFilter(name, args)
}

func argFilter(name string, args []string) (filter, error) {
	switch {
	case name == "replace" && len(args) == 2:
		return func(in []byte, _ *reading) []byte { return []byte(strings.ReplaceAll(string(in), args[0], args[1])) }, nil
	case name == "default" && len(args) == 1:
		return func(in []byte, _ *reading) []byte {
			if len(in) == 0 {
				return []byte(args[0])
			}
			return in
		}, nil
	case name == "path" && len(args) > 0:
		p, err := payload.ParsePath(strings.Join(args, ":"))
		return func(in []byte, _ *reading) []byte { return []byte(payload.FindOne(in, p).Text()) }, err
	case name == "first" && len(args) == 1:
		n, err := strconv.Atoi(args[0])
		if err != nil || n < 0 {
			return nil, fmt.Errorf("first:%s: not a number", args[0])
		}
		return func(in []byte, _ *reading) []byte { return in[:min(n, len(in))] }, nil
	}
	if len(args) > 0 {
		return nil, fmt.Errorf("no filter %q with %d arguments", name, len(args))
	}
	return nil, fmt.Errorf("no filter %q", name)
}

func sum(h hash.Hash, in []byte) []byte {
	h.Write(in)
	return h.Sum(nil)
}

// decodeBase64 reads all usual spellings of base64.
func decodeBase64(text string) ([]byte, error) {
	text = strings.TrimRight(text, "=")
	if strings.ContainsAny(text, "-_") {
		return base64.RawURLEncoding.DecodeString(text)
	}
	return base64.RawStdEncoding.DecodeString(text)
}

func unescapePath(s string) string {
	if out, err := url.PathUnescape(s); err == nil {
		return out
	}
	return s
}

// tokenPayload is the payload of a JSON web token, unchecked.
func tokenPayload(in []byte) []byte {
	_, rest, _ := strings.Cut(string(in), ".")
	middle, _, _ := strings.Cut(rest, ".")
	out, _ := decodeToken(middle)
	return out
}

// asciiJSON escapes all but ASCII as \uXXXX.
func asciiJSON(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for len(in) > 0 {
		r, n := utf8.DecodeRune(in)
		if r < utf8.RuneSelf {
			out = append(out, in[0])
		} else {
			out = payload.AppendEscaped(out, r)
		}
		in = in[n:]
	}
	return out
}

// Filters lists the names of all filters.
func Filters() []string {
	var out []string
	for _, f := range textFilters {
		out = append(out, f.name)
	}
	for _, h := range hashes {
		out = append(out, h.name)
	}
	return append(out, "replace", "first", "default", "path",
		"only", "except", "nonempty", "sort", "unique", "group", "encode-form", "join", "values", "php")
}

// gunzip is what a gzip stream says, within the limits of package inflate. What
// is none, or cannot be read, stays as it is.
func gunzip(b []byte) []byte {
	if !bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
		return b
	}
	plain, _, err := inflate.Body(http.Header{"Content-Encoding": {"gzip"}}, b)
	if err != nil {
		return b
	}
	return plain
}
