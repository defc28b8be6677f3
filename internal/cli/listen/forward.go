package listen

import (
	"context"
	"fmt"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/config"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// forwarder reads where deliveries go on to; nil if nowhere.
func (l *listening) forwarder() (*capture.Forwarder, error) {
	texts := l.o.Forward
	if !l.o.HasForward {
		texts = l.settings.Forward()
	}
	if len(texts) == 0 {
		if l.o.ForwardRetry {
			return nil, cli.Usage(fmt.Errorf("--forward-retry has nothing to redeliver to"), "add -f http://127.0.0.1:8080")
		}
		return nil, nil // a nil Forwarder has no targets
	}
	f := &capture.Forwarder{Mark: mark(), PreserveHost: l.o.HostHeader == "preserve", Timeout: l.patience}
	for _, text := range texts {
		t, err := l.target(text)
		if err != nil {
			return nil, err
		}
		f.Targets = append(f.Targets, t)
	}
	l.client = l.env.Deliverer(l.o.Insecure)
	f.Client = l.client
	return f, nil
}

func (l *listening) target(text string) (capture.Target, error) {
	pattern, to := config.SplitForward(text)
	u, err := address.ParseURL(to)
	if err != nil {
		return capture.Target{}, cli.Usagef("--forward-to: %w", err)
	}
	t := capture.Target{URL: u}
	if pattern != "" {
		p, err := match.Parse(pattern, l.catalogue.Has)
		if err != nil {
			return capture.Target{}, cli.Usagef("--forward-to: %w", err)
		}
		t.Matches = func(d *webhook.Delivery) bool { return p.Match(d.Provider, d.EventType) }
	}
	return t, nil
}

// patience is how long an app of a provider may take: as long as the provider
// would wait.
func (l *listening) patience(id string) time.Duration {
	if p, err := l.catalogue.Get(id); err == nil {
		return p.Delivery.Timeout
	}
	return deliver.DefaultTimeout
}

// redelivery returns what makes attempts until the app takes a delivery.
func (l *listening) redelivery() *capture.Redelivery {
	return &capture.Redelivery{Queue: l.store, Schedule: l.schedule, Renew: l.renew}
}

// usualWaits is the schedule for what no provider is known of.
func usualWaits() []time.Duration {
	return []time.Duration{0, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour}
}

func (l *listening) schedule(id string) deliver.Schedule {
	p, err := l.catalogue.Get(id)
	if err != nil || len(p.Delivery.Schedule) == 0 {
		return deliver.Schedule{Waits: usualWaits()}
	}
	s := deliver.Schedule{Waits: p.Delivery.Schedule}
	if len(p.Delivery.Stop) > 0 {
		s.Final = p.Delivery.Stops
	}
	return s
}

// renew signs a delivery anew where its signed time would be too old by now, as
// its provider does for each attempt. What was not verified stays as it came.
func (l *listening) renew(ctx context.Context, d *webhook.Delivery) (*webhook.Delivery, error) {
	p, err := l.catalogue.Get(d.Provider)
	if err != nil || d.Verification.Status != webhook.Verified {
		return d, nil
	}
	list, err := l.judge.Secrets(ctx, d.Provider)
	if err == nil && d.Verification.SecretName == secret.DevelopmentName {
		var dev secret.Named
		dev, err = l.judge.Development(d.Provider)
		list = []secret.Named{dev}
	}
	if err != nil {
		return nil, err
	}
	named := make([]provider.NamedSecret, len(list))
	for i, s := range list {
		named[i] = provider.NamedSecret{Name: s.Name, Secret: s.Secret}
	}
	signer, err := outgoing.NewSigner(p, named...)
	if err != nil || !signer.Signs() || !signer.Timestamped() {
		return d, err
	}
	signer.Rand = l.env.Rand
	return signer.Sign(d, l.env.Now())
}
