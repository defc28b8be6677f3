package capture

import (
	"context"
	"net/http"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Greeting is the answer to a handshake.
type Greeting struct {
	Status int
	Header http.Header
	Body   []byte
}

func (s *Server) greet(ctx context.Context, d *webhook.Delivery) (answer, bool) {
	if s.Handshake == nil {
		return answer{}, false
	}
	g, ok := s.Handshake(ctx, d)
	if !ok {
		return answer{}, false
	}
	return answer{status: g.Status, header: g.Header, body: g.Body}, true
}
