// Package provider knows the systems that send webhooks: how each signs, what
// its events look like, how it delivers. A provider is data, a YAML
// definition; the ones that come with the program are embedded, and a person
// adds or replaces them by files in the same form. No provider has code of its
// own.
//
// Definitions are decoded when they are first asked for. What has to be known
// about all of them at once, their names, events and headers, comes from an
// index that is made beforehand.
//
// The form is that of the type definition in this package, and within its
// schemes that of package scheme's Spec. It does no I/O and reads no clock.
package provider

import (
	"fmt"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A Provider is a definition, decoded. It is not changed after that and may
// be used by several goroutines at once.
type Provider struct {
	ID      string
	Name    string
	Rank    int // the smaller, the sooner an event's name means this provider
	Group   string
	Home    string
	Docs    string
	Checked string // the day on which the facts were checked
	Note    string
	Sources []string
	SDK     []string

	// Origin is "built in", or the name of the file that the definition is
	// from.
	Origin string

	Delivery Delivery
	Events   []EventType

	// Places say where a request shows the facts about its event, as texts for
	// people and empty where it does not.
	Places Places

	schemes    []*scheme.Scheme
	forms      []SecretForm
	texts      *scheme.Texts // id, type, time, order
	rule       recognition
	samples    []*eventSample // by index of Events
	values     map[string]*sampleText
	idForm     *sampleText
	idPlace    *scheme.Place // nil if it is no single place
	typePlace  *scheme.Place
	handshakes []*Handshake
}

// Delivery is how a provider delivers.
type Delivery struct {
	Method   string
	Path     string // usual path of a receiver; never empty
	Timeout  time.Duration
	Schedule []time.Duration // waited before each attempt, the first one included
	Success  []string        // statuses: 200, 2xx, 200-302
	Stop     []string        // statuses after which it does not try again
	Retries  string          // what else is known about retries, in words

	RetryAfter bool // it honours Retry-After

	// Assumed names the fields that no source states: path, timeout, schedule,
	// success, stop.
	Assumed []string
	Source  string

	stated []string // the fields that the definition has, assumed or not
}

// Stated says whether the definition has a field of Assumed at all; what it
// has not is what hooks does.
func (d *Delivery) Stated(field string) bool { return slices.Contains(d.stated, field) }

// Succeeds says whether an answer with this status counts as delivered.
func (d *Delivery) Succeeds(status int) bool { return statusIn(status, d.Success) }

// SucceedsAlways says whether every 2xx counts as delivered.
func (d *Delivery) SucceedsAlways() bool {
	for status := 200; status <= 299; status++ {
		if !d.Succeeds(status) {
			return false
		}
	}
	return true
}

// Stops says whether an answer with this status ends the retries.
func (d *Delivery) Stops(status int) bool { return statusIn(status, d.Stop) }

// An EventType is one kind of event that a provider sends.
type EventType struct {
	Type      string
	Summary   string
	Source    string
	Synthetic bool // the shape of the sample is not the provider's own
}

// Places say where a request shows the facts about its event.
type Places struct {
	ID, Type, Time []string
	Order          string // what tells the order of events, "" if deliveries come in order
}

// Schemes returns the ways in which the provider signs, the strongest first.
// Most have one; none means that nothing is signed.
func (p *Provider) Schemes() []*scheme.Scheme { return p.schemes }

// SecretForm returns what a signing secret of the provider looks like. It is
// that of the first scheme, and the zero form if nothing is signed.
func (p *Provider) SecretForm() SecretForm {
	if len(p.forms) == 0 {
		return SecretForm{}
	}
	return p.forms[0]
}

// Event finds an event type by its name.
func (p *Provider) Event(name string) (EventType, bool) {
	for _, e := range p.Events {
		if e.Type == name {
			return e, true
		}
	}
	return EventType{}, false
}

// Keys prepares a secret for each scheme that takes it. The error says why no
// scheme does; it holds nothing of the secret.
func (p *Provider) Keys(secret safetext.Secret) ([]*scheme.Key, error) {
	all, err := p.keys(secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.ID, err)
	}
	return slices.DeleteFunc(all, func(k *scheme.Key) bool { return k == nil }), nil
}

// keys prepares a secret for each scheme, nil where a scheme does not take it.
//
// A text that could be a shared secret as well as a key of a pair is neither:
// were a public key taken as a shared secret, whoever knows it could sign.
func (p *Provider) keys(secret safetext.Secret) ([]*scheme.Key, error) {
	all := make([]*scheme.Key, len(p.schemes))
	var first error
	shared, paired := false, false
	for i, s := range p.schemes {
		var err error
		if all[i], err = s.Key(secret); err != nil {
			if first == nil {
				first = err
			}
			continue
		}
		shared, paired = shared || !s.Asymmetric(), paired || s.Asymmetric()
	}
	switch {
	case shared && paired:
		return nil, &scheme.SecretError{Why: "it could be a shared secret as well as a key of a pair: begin it with the provider's prefix, or give the key as PEM"}
	case !shared && !paired:
		return nil, first
	}
	return all, nil
}

// Sign signs m as the provider does: by its first scheme that suits m and has a
// key among o.Keys, and by those whose signature goes along. Keys are made by Keys, or
// by the schemes themselves. A provider that signs nothing leaves m as it is.
func (p *Provider) Sign(m *scheme.Message, o scheme.SignOptions) error {
	if len(p.schemes) == 0 {
		return nil
	}
	signed := false
	for _, s := range p.schemes {
		if signed && !s.Spec().Also || !hasKey(s, o.Keys) || !s.Suits(m) {
			continue
		}
		if err := s.Sign(m, o); err != nil {
			return fmt.Errorf("sign as %s: %w", p.ID, err)
		}
		signed = true
	}
	if !signed {
		return fmt.Errorf("sign as %s: %w", p.ID, scheme.ErrNoKey)
	}
	return nil
}

func hasKey(s *scheme.Scheme, keys []*scheme.Key) bool {
	for _, k := range keys {
		if k.Of(s) {
			return true
		}
	}
	return false
}

// A NamedSecret is a secret and the name under which a verification reports
// it.
type NamedSecret struct {
	Name   string
	Secret safetext.Secret
}

// A Verifier holds the prepared keys of some secrets. It may be used by
// several goroutines at once.
type Verifier struct {
	provider *Provider
	keys     [][]scheme.NamedKey // by scheme
	rejected []error
}

// Verifier prepares secrets for all schemes of the provider.
func (p *Provider) Verifier(secrets ...NamedSecret) *Verifier {
	v := &Verifier{provider: p, keys: make([][]scheme.NamedKey, len(p.schemes))}
	for _, one := range secrets {
		all, err := p.keys(one.Secret)
		if err != nil {
			v.rejected = append(v.rejected, fmt.Errorf("%s: %w", one.Name, err))
			continue
		}
		for i, k := range all {
			if k != nil {
				v.keys[i] = append(v.keys[i], scheme.NamedKey{Name: one.Name, Key: k})
			}
		}
	}
	return v
}

// Rejected says which secrets no scheme of the provider takes, and why.
func (v *Verifier) Rejected() []error { return v.rejected }

// Verify judges m by the strongest scheme whose signature it carries and for
// which there is a key.
func (v *Verifier) Verify(m *scheme.Message, o scheme.VerifyOptions) webhook.Verification {
	schemes := v.provider.schemes
	if len(schemes) == 0 {
		return webhook.Verification{Status: webhook.Unverified, Reason: webhook.SignatureMissing}
	}
	carried := -1
	for i, s := range schemes {
		if len(schemes) > 1 && !s.Applies(m) {
			continue
		}
		if len(v.keys[i]) > 0 {
			return s.Verify(m, v.keys[i], o)
		}
		if carried < 0 {
			carried = i
		}
	}
	if carried < 0 {
		carried = 0
	}
	return schemes[carried].Verify(m, nil, o)
}

// Describe finds the facts about the event that m carries.
func (p *Provider) Describe(m *scheme.Message) payload.Info {
	found := p.texts.Read(m, nil)
	info := payload.Info{EventID: found[0].Text, EventType: found[1].Text}
	if t, ok := payload.ParseTime(found[2].Text); ok {
		info.CreatedAt = t
	}
	for _, f := range found[:3] {
		info.Ambiguous = append(info.Ambiguous, f.Ambiguous...)
	}
	return info
}

// Order returns what tells the order of the event that m carries among others
// of the provider, and the zero time where nothing does.
func (p *Provider) Order(m *scheme.Message) time.Time {
	t, _ := payload.ParseTime(p.texts.Read(m, nil)[3].Text)
	return t
}
