package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
	"github.com/hooks-cli/hooks/internal/workspace"
)

// A stage is everything that the demo plays on: the same pipeline as that of
// `hooks listen`, with a store, a port and a secret of its own.
type stage struct {
	env      *cli.Env
	url      string // of the listener
	provider *provider.Provider
	secret   safetext.Secret
	event    *webhook.Delivery // the sample, unsigned
	ids      ids.Generator

	folder  string
	store   *store.Store
	client  *deliver.Client
	front   *intake.Server
	capture *capture.Server
	served  chan error
	stored  chan *webhook.Delivery // what arrived, in order
}

// open sets the stage. On error nothing of it is left.
func open(ctx context.Context, env *cli.Env) (_ *stage, err error) {
	st := &stage{env: env, client: deliver.New(env.Now, deliver.Options{}), stored: make(chan *webhook.Delivery, 3)}
	catalogue, err := provider.Load()
	if err != nil {
		return nil, err
	}
	if st.provider, err = catalogue.Get(providerID); err != nil {
		return nil, err
	}
	if st.secret, err = workspace.NewSecret(catalogue, providerID, env.Rand); err != nil {
		return nil, err
	}
	if st.folder, err = os.MkdirTemp("", "hooks-demo-"); err != nil {
		return nil, fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(st.folder))
		}
	}()
	if st.store, err = store.Open(ctx, filepath.Join(st.folder, "demo.db"), store.Options{Now: env.Now}); err != nil {
		return nil, err
	}
	if err = st.listen(ctx, catalogue); err != nil {
		return nil, errors.Join(err, st.store.Close())
	}
	st.event, err = outgoing.Compose(outgoing.Order{Provider: st.provider, URL: st.url, Type: eventType, At: env.Now()})
	if err != nil {
		return nil, errors.Join(err, st.close())
	}
	return st, nil
}

// listen starts the pipeline on a free port.
func (st *stage) listen(ctx context.Context, catalogue *provider.Catalogue) error {
	listeners, err := intake.Bind(ctx, address.Listen{Host: "127.0.0.1"})
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	st.url = fmt.Sprintf("http://127.0.0.1:%d%s", intake.Port(listeners[0]), st.provider.Delivery.Path)
	j := &judge.Judge{Catalogue: catalogue, Secrets: st.secrets}
	st.front = &intake.Server{}
	st.capture = &capture.Server{
		ReadBody: st.front.ReadBody, Judge: j.Judge, Store: st.store, NewID: st.ids.New, Now: st.env.Now,
		Observe: func(e capture.Event) {
			if e.Kind == capture.Stored {
				st.stored <- e.Delivery
			}
		},
	}
	st.front.Handler = st.capture
	st.served = make(chan error, 1)
	go func() { st.served <- st.front.Serve(listeners...) }()
	return nil
}

// secrets knows the one secret of the demo.
func (st *stage) secrets(_ context.Context, id string) ([]secret.Named, error) {
	if id != providerID {
		return nil, nil
	}
	return []secret.Named{{Name: "demo", Secret: st.secret}}, nil
}

// send signs the event, delivers it and returns what was sent.
func (st *stage) send(ctx context.Context, fault outgoing.Fault) (*webhook.Delivery, error) {
	signer, err := outgoing.NewSigner(st.provider, provider.NamedSecret{Name: "demo", Secret: st.secret})
	if err != nil {
		return nil, err
	}
	if err := signer.Break(fault, safetext.Secret{}); err != nil {
		return nil, err
	}
	signed, err := signer.Sign(st.event, st.env.Now())
	if err != nil {
		return nil, err
	}
	sent := signed.Clone()
	sent.ID, sent.ReceivedAt = st.ids.New(st.env.Now()), st.env.Now()
	sent.Verification = signer.Judge(sent, sent.ReceivedAt)
	attempt := st.client.Do(ctx, outgoing.Request(sent, outgoing.Manner{}), 1)
	if attempt.Response == nil {
		return nil, errors.New("send: " + attempt.Err)
	}
	sent.Attempts = []webhook.Attempt{attempt}
	return sent, nil
}

// replay sends what the store has under id.
func (st *stage) replay(ctx context.Context, id string) error {
	d, err := st.store.Get(ctx, id)
	if err != nil {
		return err
	}
	outgoing.SetURL(d, st.url)
	if attempt := st.client.Do(ctx, outgoing.Request(d, outgoing.Manner{}), 1); attempt.Response == nil {
		return errors.New("replay: " + attempt.Err)
	}
	return nil
}

// arrived waits for the next delivery that the listener has stored.
func (st *stage) arrived(ctx context.Context) (*webhook.Delivery, error) {
	select {
	case d := <-st.stored:
		return d, nil
	case err := <-st.served:
		return nil, fmt.Errorf("listen: %w", err)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close clears the stage away.
func (st *stage) close() error {
	st.client.Close()
	err := st.front.Close()
	st.capture.Close()
	return errors.Join(err, st.store.Close(), os.RemoveAll(st.folder))
}
