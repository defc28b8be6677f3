package intake

import (
	"bytes"
	"net/http"
	"strings"
)

// A framing says where the body of a request ends.
type framing struct {
	length  int64 // bytes of the body, if it is not chunked
	chunked bool
}

// A head is what the server must know of a request's head besides what
// net/http reads from it.
type head struct {
	framing
	target string // the request target as it came, if net/http must be given another
	bytes  []byte // the head for net/http, if it differs from what came
}

// scanHead looks for the end of a head in b, of which the first from bytes
// have been looked at by an earlier call. It returns the length of the head, or
// 0 and where to go on. A line that does not end in CRLF is refused at once.
func scanHead(b []byte, from int) (length, next int, refusal *Refusal) {
	for {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			return 0, from, nil
		}
		i += from
		if i == 0 || b[i-1] != '\r' {
			return 0, 0, malformed("a line of the head ends without CR")
		}
		if i >= 3 && b[i-2] == '\n' {
			return i + 1, i + 1, nil
		}
		from = i + 1
	}
}

// parseHead judges a whole head, its empty line included. Nothing that two
// parsers could read in two ways is let through: the app behind may be the
// other parser.
func parseHead(b []byte, limits *Limits) (head, *Refusal) {
	line, rest, _ := bytes.Cut(b, crlf())
	h, http10, refusal := requestLine(line, limits)
	if refusal != nil {
		return head{}, refusal
	}
	if h.target != "" {
		h.bytes = append(escapedLine(line), b[len(line):]...)
	}
	if h.framing, refusal = fields(rest, http10); refusal != nil {
		return head{}, refusal
	}
	return h, nil
}

func crlf() []byte { return []byte("\r\n") }

func requestLine(line []byte, limits *Limits) (h head, http10 bool, refusal *Refusal) {
	method, rest, ok := bytes.Cut(line, []byte(" "))
	target, proto, ok2 := bytes.Cut(rest, []byte(" "))
	switch {
	case !ok || !ok2 || !token(method):
		return head{}, false, malformed("malformed request line")
	case len(target) > limits.Target:
		return head{}, false, targetTooLong(limits.Target)
	case len(target) == 0 || !printable(target):
		return head{}, false, malformed("malformed request target")
	}
	switch string(proto) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		http10 = true
	default:
		if major, _, ok := http.ParseHTTPVersion(string(proto)); ok && major > 1 {
			return head{}, false, unsupported(http.StatusHTTPVersionNotSupported, "only HTTP/1.1 is spoken here")
		}
		return head{}, false, malformed("malformed HTTP version")
	}
	switch {
	case string(method) == http.MethodConnect:
		return head{}, false, unsupported(http.StatusNotImplemented, "CONNECT is not supported")
	case target[0] == '/', hasPrefixFold(target, "http://"), hasPrefixFold(target, "https://"):
	case string(target) == "*" && string(method) == http.MethodOptions:
	default:
		return head{}, false, malformed("malformed request target")
	}
	if !escapesValid(target) {
		h.target = string(target)
	}
	return h, http10, nil
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && strings.EqualFold(string(b[:len(prefix)]), prefix)
}

// escapesValid says whether every "%" of the path is followed by two hex
// digits: net/http refuses others, though senders write them.
func escapesValid(target []byte) bool {
	path, _, _ := bytes.Cut(target, []byte("?"))
	for {
		i := bytes.IndexByte(path, '%')
		if i < 0 {
			return true
		}
		if len(path) < i+3 || hexValue(path[i+1]) < 0 || hexValue(path[i+2]) < 0 {
			return false
		}
		path = path[i+3:]
	}
}

// escapedLine is a request line with every stray "%" of its path escaped.
func escapedLine(line []byte) []byte {
	out := make([]byte, 0, len(line)+16)
	inPath := false
	for i, c := range line {
		out = append(out, c)
		inPath = c != '?' && (inPath || c == ' ')
		if c == '%' && inPath && (len(line) < i+3 || hexValue(line[i+1]) < 0 || hexValue(line[i+2]) < 0) {
			out = append(out, "25"...)
		}
	}
	return out
}

// fields judges the header lines up to the empty one and finds the framing.
func fields(b []byte, http10 bool) (framing, *Refusal) {
	var length, coding []byte
	var hosts, lengths, codings int
	for {
		line, rest, _ := bytes.Cut(b, crlf())
		if len(line) == 0 {
			break
		}
		name, value, refusal := field(line)
		if refusal != nil {
			return framing{}, refusal
		}
		switch {
		case bytes.EqualFold(name, []byte("Host")):
			hosts++
			if !hostname(value) {
				return framing{}, malformed("malformed Host")
			}
		case bytes.EqualFold(name, []byte("Content-Length")):
			lengths++
			length = value
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			codings++
			coding = value
		}
		b = rest
	}
	if hosts > 1 || hosts == 0 && !http10 {
		return framing{}, malformed("a request has exactly one Host")
	}
	return frame(length, lengths, coding, codings, http10)
}

func frame(length []byte, lengths int, coding []byte, codings int, http10 bool) (framing, *Refusal) {
	switch {
	case lengths > 0 && codings > 0:
		return framing{}, malformed("both Content-Length and Transfer-Encoding")
	case lengths > 1:
		return framing{}, malformed("more than one Content-Length")
	case codings > 0 && http10:
		return framing{}, malformed("HTTP/1.0 has no Transfer-Encoding")
	case codings > 1 || codings == 1 && !chunkedCoding(coding):
		return framing{}, unsupported(http.StatusNotImplemented, "the only transfer coding understood is chunked")
	case codings == 1:
		return framing{chunked: true}, nil
	case lengths == 0:
		return framing{}, nil
	}
	n, ok := decimal(length)
	if !ok {
		return framing{}, malformed("malformed Content-Length")
	}
	return framing{length: n}, nil
}

// chunkedCoding does not know the letters of other alphabets that fold to
// those of "chunked".
func chunkedCoding(b []byte) bool { return token(b) && bytes.EqualFold(b, []byte("chunked")) }

// field judges one header line. A name is a token and ends at the colon; a
// value has no control character but the tab.
func field(line []byte) (name, value []byte, refusal *Refusal) {
	if line[0] == ' ' || line[0] == '\t' {
		return nil, nil, malformed("folded header line")
	}
	name, value, ok := bytes.Cut(line, []byte(":"))
	switch {
	case !ok || !token(name):
		return nil, nil, malformed("malformed header name")
	case !text(value):
		return nil, nil, malformed("control character in a header value")
	}
	return name, bytes.Trim(value, " \t"), nil
}

// token says whether b is one or more token characters.
func token(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return len(b) > 0
}

// hostname says whether b has only characters of a host and its port.
func hostname(b []byte) bool {
	for _, c := range b {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case strings.IndexByte("!$%&'()*+,-.:;=[]_~", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// text says whether b has no control character but the tab.
func text(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// printable says whether b has neither space nor control character.
func printable(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// decimal reads digits and nothing else, fewer than could overflow.
func decimal(b []byte) (int64, bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	var n int64
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

func hexValue(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
