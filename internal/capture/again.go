package capture

import (
	"context"
	"net/http"
	"time"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// An Origin is what is known of a request besides its bytes, where somebody
// took it before it came here: a relay that may send it twice.
type Origin struct {
	ID string    // of the delivery, the same whenever the request comes; "": a new one each time
	At time.Time // when it was taken first; zero: now
}

type originKey struct{}

// WithOrigin returns a context for a request that has an origin.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

func originOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// again takes a request whose delivery is in the store already. What was left
// undone then is done now, and nothing else: an app that has answered is not
// asked again.
func (s *Server) again(w http.ResponseWriter, r *http.Request, e Event, a answer, forward bool, l *lease) {
	ctx := r.Context()
	known, err := s.Known(ctx, e.Delivery.ID)
	if err != nil {
		s.notStored(w, r, err)
		return
	}
	e.Delivery = known
	switch {
	case forward && s.Forward.Retry != nil && len(known.Attempts) == 0:
		// The process may have ended before it was owed.
		if err := s.Forward.Retry.owe(context.WithoutCancel(ctx), known, s.Forward.targets(known), s.Now()); err != nil {
			s.notStored(w, r, err)
			return
		}
		s.Forward.Retry.look()
	case forward && a.status == 0 && !settled(known):
		s.finish(w, r, e, a, forward, l)
		return
	}
	if a.status == 0 {
		a = plain(http.StatusOK, "taken before")
	}
	a.write(w, r, known.ID)
}

// settled says whether an app has answered d.
func settled(d *webhook.Delivery) bool {
	for i := range d.Attempts {
		if d.Attempts[i].Response != nil {
			return true
		}
	}
	return d.Response != nil && len(d.Attempts) == 0
}
