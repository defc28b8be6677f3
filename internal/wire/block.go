package wire

import (
	"encoding/binary"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// MaxHeaders is the number of header values that one head may carry.
const MaxHeaders = 1000

// appendString appends a varint length and the bytes of s.
func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// readUvarint reads a varint that is at most limit and written in its
// shortest form: a second form would break "one encoding for one value".
func readUvarint(p []byte, limit int) (int, []byte, error) {
	v, n := binary.Uvarint(p)
	if n <= 0 {
		return 0, nil, malformed("bad varint")
	}
	if n > 1 && p[n-1] == 0 {
		return 0, nil, malformed("varint is not in its shortest form")
	}
	if v > uint64(limit) {
		return 0, nil, malformed("varint %d is over %d", v, limit)
	}
	return int(v), p[n:], nil
}

// readString reads a varint-length string of at most limit bytes. The result
// shares p's memory.
func readString(p []byte, limit int) ([]byte, []byte, error) {
	n, rest, err := readUvarint(p, limit)
	if err != nil {
		return nil, nil, err
	}
	if n > len(rest) {
		return nil, nil, malformed("string of %d bytes in %d", n, len(rest))
	}
	return rest[:n], rest[n:], nil
}

// AppendHeaders appends a header block: a varint count, then name, value,
// name, value …, names sorted, the values of a name in their order. Names must
// be canonical. The error names the first header that cannot be carried.
func AppendHeaders(dst []byte, h http.Header) ([]byte, error) {
	var room [48]string // keeps usual requests off the heap
	names, count := room[:0], 0
	for name, values := range h {
		if !canonicalName(name) {
			return dst, malformed("header name %q", cut(name))
		}
		if count += len(values); count > MaxHeaders {
			return dst, malformed("more than %d headers", MaxHeaders)
		}
		if len(values) > 0 {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	dst = binary.AppendUvarint(dst, uint64(count))
	for _, name := range names {
		for _, v := range h[name] {
			if !carried(v) {
				return dst, malformed("value of header %s", name)
			}
			dst = appendString(dst, name)
			dst = appendString(dst, v)
		}
	}
	return dst, nil
}

// readHeaders reads a header block that takes all of p.
func readHeaders(p []byte) (http.Header, error) {
	count, p, err := readUvarint(p, MaxHeaders)
	if err != nil {
		return nil, err
	}
	// A pair takes at least 3 bytes: a name of one byte and two lengths. So a
	// short block cannot make us reserve memory for a thousand headers.
	if count > len(p)/3 {
		return nil, malformed("%d headers in %d bytes", count, len(p))
	}
	h := make(http.Header, count)
	values := make([]string, count) // one piece of memory for all values
	all, base := string(p), len(p)
	last, first := "", 0
	for i := range count {
		var n, v []byte
		if n, p, err = readString(p, MaxPayload); err != nil {
			return nil, err
		}
		nameAt := base - len(p) - len(n)
		if v, p, err = readString(p, MaxPayload); err != nil {
			return nil, err
		}
		valueAt := base - len(p) - len(v)
		name, value := all[nameAt:nameAt+len(n)], all[valueAt:valueAt+len(v)]
		if !carried(value) {
			return nil, malformed("value of header %q", cut(name))
		}
		if i == 0 || name != last {
			if name < last || !canonicalName(name) {
				return nil, malformed("header name %q", cut(name))
			}
			if i > 0 {
				h[last] = values[first:i:i]
			}
			last, first = name, i
		}
		values[i] = value
	}
	if len(p) != 0 {
		return nil, malformed("%d bytes after the headers", len(p))
	}
	if count > 0 {
		h[last] = values[first:]
	}
	return h, nil
}

// canonicalName says whether name is as net/http writes header names. Names
// that differ in case only would otherwise be two names.
func canonicalName(name string) bool {
	return name != "" && httpguts.ValidHeaderFieldName(name) &&
		textproto.CanonicalMIMEHeaderKey(name) == name
}

// carried says whether a header value can stand on a line of its own.
func carried(v string) bool { return !strings.ContainsAny(v, "\r\n\x00") }

// cut shortens text from outside for an error.
func cut(s string) string {
	const most = 40
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
