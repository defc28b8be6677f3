package deliver

import (
	"net/http"
	"net/textproto"
	"strings"
)

// EndToEnd returns a copy of the header of a request that was received, without
// what concerned only the connection that it came by: hop-by-hop headers,
// whatever Connection names, Host, Content-Length and Expect. The rest goes on
// to another endpoint as it came.
func EndToEnd(h http.Header) http.Header {
	out := h.Clone()
	if out == nil {
		out = http.Header{}
	}
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			out.Del(textproto.TrimString(name))
		}
	}
	for _, name := range [...]string{
		"Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade", "Host", "Content-Length", "Expect",
	} {
		delete(out, name)
	}
	return out
}
