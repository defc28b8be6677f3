package deliver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// Kind is the sort of failure that ended an attempt without an answer, in the
// words in which it is counted.
type Kind string

// The kinds.
const (
	None        Kind = ""                   // an answer came
	Refused     Kind = "connection refused" // nobody listens there
	Unreachable Kind = "unreachable"        // no way to that address
	DNS         Kind = "dns"                // the name leads nowhere
	TLS         Kind = "tls"                // no trusted connection
	Proxy       Kind = "proxy"              // the proxy did not let us through
	Timeout     Kind = "time-out"           // the exchange took too long
	Reset       Kind = "connection reset"   // cut off in the middle
	Closed      Kind = "connection closed"  // ended before the answer did
	Malformed   Kind = "malformed answer"   // not HTTP
	Forbidden   Kind = "not allowed"        // Options.Allow refused the address
	BadRequest  Kind = "request not valid"  // it could not be sent as it is
	Canceled    Kind = "interrupted"        // we broke it off
	Other       Kind = "other"              // see the text
)

// A requestError is a request that could not be sent as it is.
type requestError struct{ err error }

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

// A forbiddenError is an address that must not be connected to.
type forbiddenError struct{ err error }

func (e *forbiddenError) Error() string { return e.err.Error() }
func (e *forbiddenError) Unwrap() error { return e.err }

// A proxyError says why a proxy gave no way to the endpoint.
type proxyError struct{ text string }

func (e *proxyError) Error() string { return e.text }

// An answerError is a failure while the answer was read.
type answerError struct{ err error }

func (e *answerError) Error() string { return e.err.Error() }
func (e *answerError) Unwrap() error { return e.err }

// describe tells in words why the exchange has no answer. Text that came from
// the other side is made safe to show.
func (x *exchange) describe(ctx context.Context, r Request) (Kind, string) {
	if ctx.Err() != nil && !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return Canceled, "interrupted"
	}
	if isTimeout(x.err) || ctx.Err() != nil {
		return Timeout, x.timeoutText(r.timeout())
	}
	kind, text := classify(x.err, x.host)
	return kind, safetext.Line(text)
}

// InWords returns err, which a request to host failed with, as one that tells it
// as an attempt does.
func InWords(err error, host string) error {
	_, text := classify(err, host)
	return &wordedError{err, safetext.Line(text)}
}

// A wordedError is an error in other words.
type wordedError struct {
	err  error
	text string
}

func (e *wordedError) Error() string { return e.text }
func (e *wordedError) Unwrap() error { return e.err }

func isTimeout(err error) bool {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return false
	}
	var ne net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout()
}

// timeoutText says how far the exchange had come.
func (x *exchange) timeoutText(limit time.Duration) string {
	switch {
	case !x.connected:
		return fmt.Sprintf("time-out: no connection to %s within %v", x.host, limit)
	case x.status != 0:
		return fmt.Sprintf("time-out: the answer (%d) was not complete within %v", x.status, limit)
	case !x.written:
		return fmt.Sprintf("time-out: the request could not be written within %v", limit)
	}
	return fmt.Sprintf("time-out: no answer within %v", limit)
}

// classify sorts the errors of dialing, writing and reading.
func classify(err error, host string) (Kind, string) {
	var bad *requestError
	var proxy *proxyError
	var op *net.OpError
	var dns *net.DNSError
	var forbidden *forbiddenError
	switch {
	case errors.As(err, &forbidden):
		return Forbidden, forbidden.Error()
	case errors.As(err, &bad):
		return BadRequest, err.Error()
	case errors.As(err, &proxy):
		return Proxy, proxy.text
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return Proxy, "the proxy cannot be reached: " + lastOf(err)
	case errors.As(err, &dns):
		return DNS, dnsText(dns)
	case hasErrno(err, syscall.ECONNREFUSED, 10061):
		return Refused, "connection refused by " + host
	case hasErrno(err, syscall.ECONNRESET, syscall.EPIPE, 10053, 10054):
		return Reset, "connection reset before an answer came"
	case hasErrno(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, 10049, 10051, 10065):
		return Unreachable, host + " cannot be reached: " + lastOf(err)
	}
	if text, ok := tlsText(err, host); ok {
		return TLS, "TLS: " + text
	}
	return classifyAnswer(err)
}

// hasErrno says whether the system reported one of numbers. Windows has its own
// for sockets, from 10000 up, which syscall has no names for.
func hasErrno(err error, numbers ...syscall.Errno) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && slices.Contains(numbers, errno)
}

func classifyAnswer(err error) (Kind, string) {
	var answer *answerError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed):
		return Closed, "connection closed before an answer came"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Closed, "connection closed before the answer was complete"
	// net/http has no types for these: their text decides only how they are
	// worded. 0x15 begins the alert with which TLS answers plain text.
	case strings.Contains(err.Error(), `malformed HTTP response "\x15`):
		return Malformed, "the endpoint speaks TLS: use https://"
	case errors.As(err, &answer), strings.Contains(err.Error(), "malformed HTTP"),
		strings.Contains(err.Error(), "headers exceeded"), strings.Contains(err.Error(), "1xx"):
		return Malformed, "malformed answer: " + lastOf(err)
	}
	return Other, lastOf(err)
}

func dnsText(err *net.DNSError) string {
	switch {
	case err.IsNotFound:
		return fmt.Sprintf("no host is called %q", err.Name)
	case err.IsTimeout:
		return fmt.Sprintf("the name server did not answer for %q", err.Name)
	}
	return fmt.Sprintf("look up %q: %s", err.Name, err.Err)
}

// tlsText explains a failed handshake.
func tlsText(err error, host string) (string, bool) {
	var (
		expired x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		record  tls.RecordHeaderError
		remote  *net.OpError
	)
	switch {
	case errors.As(err, &expired):
		return certificateText(expired), true
	case errors.As(err, &name):
		return fmt.Sprintf("the certificate is for %s, not for %s", namesOf(name.Certificate), name.Host), true
	case errors.As(err, &unknown):
		if selfIssued(unknown.Cert) {
			return "the certificate is self-signed", true
		}
		return "the certificate is signed by an authority that is not known here", true
	case errors.As(err, &record):
		return host + " does not speak TLS on this port: use http://", true
	// crypto/tls has no types for these: their text decides only how they are
	// worded.
	case strings.Contains(err.Error(), "selected unsupported protocol version"),
		strings.Contains(err.Error(), "protocol version not supported"):
		return "the endpoint offers only versions older than 1.2", true
	case errors.As(err, &remote) && remote.Op == "remote error":
		return "the endpoint refused: " + strings.TrimPrefix(lastOf(err), "tls: "), true
	case strings.Contains(err.Error(), "tls: "):
		return strings.TrimPrefix(lastOf(err), "tls: "), true
	}
	return "", false
}

func selfIssued(c *x509.Certificate) bool {
	return c != nil && string(c.RawIssuer) == string(c.RawSubject)
}

func certificateText(err x509.CertificateInvalidError) string {
	if err.Reason == x509.Expired && err.Cert != nil {
		if strings.Contains(err.Detail, "before") {
			return "the certificate is not valid before " + err.Cert.NotBefore.UTC().Format(time.DateTime)
		}
		return "the certificate expired on " + err.Cert.NotAfter.UTC().Format(time.DateTime)
	}
	return strings.TrimPrefix(err.Error(), "x509: ")
}

func namesOf(c *x509.Certificate) string {
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return "no name at all"
	}
	if len(names) > 3 {
		names = append(names[:3], "…")
	}
	return strings.Join(names, ", ")
}

// lastOf returns the innermost text of a chain of errors.
func lastOf(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}
