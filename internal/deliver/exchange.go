package deliver

import (
	"context"
	"errors"
	"io"
	"math"
	"net/http"
)

// inlineBody is how large a body may be to be written before the answer is
// read. A larger or slow one is written while the answer is awaited, because
// an endpoint may answer without reading it all.
const inlineBody = 32 << 10

// dropBody is the keep of an exchange whose answer's body is of no interest.
const dropBody = 0

// An exchange is one request and its answer, as far as it came.
type exchange struct {
	host      string // the endpoint, as an error names it
	connected bool
	written   bool
	truncated bool
	status    int // 0 until the head of an answer came
	header    http.Header
	body      []byte
	err       error
}

// exchange sends r and reads the answer, keeping at most keep bytes of its
// body.
func (c *Client) exchange(parent context.Context, r Request, keep int64) (x exchange) {
	rt, err := c.route(r)
	if err != nil {
		x.err = err
		return x
	}
	x.host = rt.addr
	ctx, cancel := context.WithTimeout(parent, r.timeout())
	defer cancel()
	cn := c.pool.take(rt.key, c.now())
	if cn == nil {
		if cn, x.err = c.dial(ctx, rt); x.err != nil {
			return x
		}
	}
	x.connected = true
	stop := context.AfterFunc(ctx, cn.abort)
	reusable := x.run(ctx, cancel, cn, &rt, &r, keep)
	// A deadline that struck meanwhile has spoilt the connection.
	if stop() && reusable {
		c.pool.put(rt.key, cn, c.now())
	} else {
		_ = cn.Close()
	}
	return x
}

// run does the exchange over cn and says whether cn can serve another one.
func (x *exchange) run(ctx context.Context, cancel func(), cn *conn, rt *route, r *Request, keep int64) bool {
	if r.Slow <= 0 && len(r.Body) <= inlineBody {
		werr := cn.writeRequest(ctx, rt, r)
		x.written = werr == nil
		reusable := x.read(cn, r.method(), keep)
		if x.err != nil && werr != nil {
			x.err = werr
		}
		return reusable && werr == nil
	}
	done := make(chan error, 1)
	go func() { done <- cn.writeRequest(ctx, rt, r) }()
	reusable := x.read(cn, r.method(), keep)
	select {
	case err := <-done:
		x.written = err == nil
		return reusable && err == nil
	default:
	}
	// The answer, or the end, came before all was written.
	timedOut := ctx.Err() != nil
	cancel()
	cn.abort()
	err := <-done
	x.written = err == nil
	if timedOut && x.err != nil {
		x.err = context.DeadlineExceeded
	}
	return false
}

// read reads the answer and says whether the connection can be used again.
func (x *exchange) read(cn *conn, method string, keep int64) bool {
	if err := x.readHead(cn, method, keep); err != nil {
		x.err = err
		return false
	}
	return !x.truncated && !cn.closing
}

func (x *exchange) readHead(cn *conn, method string, keep int64) error {
	cn.in.left = maxHead
	first, err := cn.br.Peek(1)
	if err != nil {
		return err
	}
	if first[0] == 0x15 { // the alert with which TLS answers plain text
		return errSpeaksTLS
	}
	resp, err := readFinal(cn, method)
	if err != nil {
		return err
	}
	cn.in.left = math.MaxInt64
	x.status, x.header = resp.StatusCode, resp.Header
	cn.closing = resp.Close || resp.StatusCode == http.StatusSwitchingProtocols
	if err := x.readBody(resp.Body, keep); err != nil {
		return &answerError{err}
	}
	return nil
}

// readFinal reads the head of the answer, past the informational ones.
func readFinal(cn *conn, method string) (*http.Response, error) {
	for range 16 {
		resp, err := http.ReadResponse(cn.br, &http.Request{Method: method})
		if err != nil {
			return nil, &answerError{err}
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp, nil
		}
	}
	return nil, &answerError{errors.New("too many informational answers")}
}

// readBody reads the answer's body to its end, or to the limit.
func (x *exchange) readBody(body io.Reader, keep int64) (err error) {
	limited := io.LimitedReader{R: body, N: MaxAnswer}
	if keep == dropBody {
		_, err = io.Copy(io.Discard, &limited)
	} else {
		limited.N = keep
		x.body, err = io.ReadAll(&limited)
	}
	if err != nil || limited.N > 0 {
		return err
	}
	var more [1]byte
	n, err := io.ReadFull(body, more[:])
	x.truncated = n > 0
	if err == io.EOF || x.truncated {
		return nil
	}
	return err
}
