package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
)

const (
	// maxAnswer is how much of an answer is read.
	maxAnswer = 10 << 20
	// timeout is how long a call may take.
	timeout = 30 * time.Second
)

// A Client calls one API. It follows no redirect, so that a key goes where it
// was meant to and nowhere else.
type Client struct {
	API     API
	Base    *url.URL
	Key     safetext.Secret
	HTTP    *http.Client
	Program string // hooks/1.2.3
}

// An AnswerError is an answer that is no success.
type AnswerError struct {
	API    string
	Status int
	Body   []byte
}

// Error says what the API said, as it said it.
func (e *AnswerError) Error() string {
	text := fmt.Sprintf("%s answered %d %s", e.API, e.Status, http.StatusText(e.Status))
	const shown = 2000
	if body := bytes.TrimSpace(e.Body); len(body) > 0 {
		text += ": " + safetext.Line(string(body[:min(len(body), shown)]))
	}
	return strings.TrimSpace(text)
}

// A notJSONError is an answer of something else than such an API.
type notJSONError struct {
	api    string
	status int
	base   string
}

// Error asks for the address.
func (e *notJSONError) Error() string {
	return fmt.Sprintf("%s answered %d with what is no JSON: is %s the right address?", e.api, e.status, e.base)
}

// ErrNotFound says that the API's list has no endpoint with the id.
var ErrNotFound = errors.New("there is no endpoint with this id")

// call makes a request and returns the JSON that comes back; nothing for an
// answer without a body.
func (c *Client) call(ctx context.Context, method, address string, body []byte) (Document, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", c.Program)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if !c.Key.Empty() {
		req.Header.Set(c.API.header, c.API.word+c.Key.Reveal())
	}
	once := *c.HTTP
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(req)
	if err != nil {
		if u, ok := errors.AsType[*url.Error](err); ok {
			err = u.Err
		}
		return nil, fmt.Errorf("call %s at %s: %w", c.API.Name, safetext.CleanURL(c.Base.String()), err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer of %s: %w", c.API.Name, err)
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return nil, &AnswerError{c.API.Name, resp.StatusCode, answer}
	case len(bytes.TrimSpace(answer)) == 0:
		return nil, nil
	case !json.Valid(answer):
		return nil, &notJSONError{c.API.Name, resp.StatusCode, safetext.CleanURL(c.Base.String())}
	}
	return answer, nil
}

func (c *Client) do(ctx context.Context, v Verb, id string, body []byte) (Document, error) {
	op := c.API.operations[v]
	return c.call(ctx, op.method, address(c.Base, op.path, id), body)
}

// Create registers an endpoint.
func (c *Client) Create(ctx context.Context, f Fields) (Document, error) {
	body, err := c.API.body(f)
	if err != nil {
		return nil, err
	}
	return c.do(ctx, Create, "", body)
}

// Update changes what f has.
func (c *Client) Update(ctx context.Context, id string, f Fields) (Document, error) {
	body, err := c.API.body(f)
	if err != nil {
		return nil, err
	}
	return c.do(ctx, Update, id, body)
}

// List returns the answer, and the endpoints in it: those of one provider.
func (c *Client) List(ctx context.Context, provider string) (Document, []Document, error) {
	op := c.API.operations[List]
	to := address(c.Base, op.path, "")
	if c.API.control {
		to += "?provider=" + url.QueryEscape(provider)
	}
	doc, err := c.call(ctx, op.method, to, nil)
	if err != nil {
		return nil, nil, err
	}
	list, err := items(doc, op.items)
	return doc, list, err
}

// Get returns an endpoint.
func (c *Client) Get(ctx context.Context, id string) (Document, error) {
	op := c.API.operations[Get]
	if !op.inList {
		return c.do(ctx, Get, id, nil)
	}
	_, list, err := c.List(ctx, "")
	if err != nil {
		return nil, err
	}
	if d, ok := pick(list, id); ok {
		return d, nil
	}
	return nil, ErrNotFound
}

// Delete removes an endpoint.
func (c *Client) Delete(ctx context.Context, id string) error {
	_, err := c.do(ctx, Delete, id, nil)
	return err
}

// Test has the API send an event to an endpoint. eventType and provider are
// what the emulator has to be told; other APIs choose themselves.
func (c *Client) Test(ctx context.Context, id, provider, eventType string) (Document, error) {
	if !c.API.control {
		return c.do(ctx, Test, id, nil)
	}
	body, err := json.Marshal(map[string]any{"provider": provider, "type": eventType, "endpoints": []string{id}})
	if err != nil {
		return nil, err
	}
	return c.do(ctx, Test, "", body)
}

// Deliveries returns the answer, and the deliveries in it: at most limit of
// those to an endpoint, newest first.
func (c *Client) Deliveries(ctx context.Context, id string, limit int) (Document, []Document, error) {
	op := c.API.operations[Deliveries]
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if c.API.control {
		q.Set("endpoint", id)
	}
	doc, err := c.call(ctx, op.method, address(c.Base, op.path, id)+"?"+q.Encode(), nil)
	if err != nil {
		return nil, nil, err
	}
	list, err := items(doc, op.items)
	return doc, list[:min(len(list), limit)], err
}

// IsEmulator says whether hooks emulate listens at an address.
func IsEmulator(ctx context.Context, h *http.Client, base *url.URL) (bool, error) {
	c := Client{API: Emulator(), Base: base, HTTP: h}
	doc, err := c.call(ctx, http.MethodGet, address(base, "/_hooks/health", ""), nil)
	var answer *AnswerError
	switch {
	case errors.As(err, &answer):
		return false, nil
	case errors.As(err, new(*notJSONError)):
		return false, nil
	}
	return doc.Text("time_scale") != "", err
}
