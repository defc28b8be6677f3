package check

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A kit makes the requests of a run: samples of the provider's events, signed
// as the provider signs them or wrongly on purpose. It is safe for concurrent
// use.
type kit struct {
	provider *provider.Provider
	url      string // as the app sees it
	shown    string // as it was given
	header   http.Header
	secrets  []provider.NamedSecret
	now      func() time.Time
	flag     string // see Options.SecretFlag

	signer  *outgoing.Signer
	keys    []*scheme.Key
	schemes []*scheme.Scheme // by which it signs; none if nothing is signed
	typ     string           // of the event that is usually sent

	// believed is the first valid sample, if the app accepted it. It is set
	// before anything else is made.
	believed *webhook.Delivery
}

func newKit(o Options) (*kit, error) {
	k := &kit{provider: o.Provider, url: outgoing.Rooted(o.URL), shown: o.URL, header: o.Header, secrets: o.Secrets, now: o.Now, flag: o.SecretFlag}
	var err error
	if k.signer, err = k.newSigner(); err != nil {
		return nil, err
	}
	for _, one := range o.Secrets {
		keys, err := o.Provider.Keys(one.Secret)
		if err != nil {
			return nil, err
		}
		k.keys = append(k.keys, keys...)
	}
	for _, s := range o.Provider.Schemes() {
		mine := slices.ContainsFunc(k.keys, func(key *scheme.Key) bool { return key.Of(s) })
		if mine && (len(k.schemes) == 0 || s.Spec().Also) {
			k.schemes = append(k.schemes, s)
		}
	}
	return k, k.choose()
}

// newSigner returns a signer of the run's secrets, others in front of them.
func (k *kit) newSigner(first ...provider.NamedSecret) (*outgoing.Signer, error) {
	return outgoing.NewSigner(k.provider, append(first, k.secrets...)...)
}

// choose takes the first event whose sample can be signed and is no handshake.
func (k *kit) choose() error {
	var first error
	for _, e := range k.provider.Events {
		d, err := k.valid(k.order(e.Type))
		if err != nil {
			first = cmp.Or(first, err)
			continue
		}
		if k.provider.Handshake(message(d)) == nil {
			k.typ = e.Type
			return nil
		}
	}
	if first == nil {
		first = fmt.Errorf("%s has no event that a sample could be made of", k.provider.ID)
	}
	return first
}

// order asks for a fresh sample.
func (k *kit) order(typ string) outgoing.Order {
	return outgoing.Order{Provider: k.provider, URL: k.url, Type: typ, At: k.now(), Header: k.header}
}

// around asks for a request of the usual event with a given body.
func (k *kit) around(body []byte) outgoing.Order {
	o := k.order(k.typ)
	o.Data = body
	return o
}

// sample makes an unsigned sample of the usual event.
func (k *kit) sample() (*webhook.Delivery, error) { return outgoing.Compose(k.order(k.typ)) }

// valid makes and signs what is ordered. Where a receiver that does all right
// would refuse it, it is not applicable.
func (k *kit) valid(o outgoing.Order) (*webhook.Delivery, error) {
	d, err := outgoing.Compose(o)
	if err != nil {
		return nil, err
	}
	return k.sign(k.signer, d)
}

// sign signs d, and sees to it that it is right.
func (k *kit) sign(s *outgoing.Signer, d *webhook.Delivery) (*webhook.Delivery, error) {
	now := k.now()
	out, err := s.Sign(d, now)
	if err != nil {
		if errors.Is(err, scheme.ErrPublicKey) {
			return nil, fmt.Errorf("the key of %s is public: samples are signed with the private key", k.provider.ID)
		}
		return nil, skip("%s cannot sign such a body: %v", k.provider.ID, err)
	}
	if len(k.schemes) == 0 {
		return out, nil
	}
	if v := k.signer.Judge(out, now); v.Status != webhook.Verified {
		return nil, skip("what %s signs cannot hold such a body (%s)", k.provider.ID, v.Reason)
	}
	return out, nil
}

// wrong says whether a receiver that does all right refuses d.
func (k *kit) wrong(d *webhook.Delivery) bool {
	return k.signer.Judge(d, k.now()).Status != webhook.Verified
}

// message is d as a scheme sees it, with a header of its own.
func message(d *webhook.Delivery) *scheme.Message {
	return &scheme.Message{Method: d.Method, URL: d.URL, Header: maps.Clone(d.Header), Body: d.Body}
}

// with returns d with what m says.
func with(d *webhook.Delivery, m *scheme.Message) *webhook.Delivery {
	out := *d
	out.Header, out.Body = m.Header, m.Body
	if m.URL != d.URL {
		outgoing.SetURL(&out, m.URL)
	}
	return &out
}

// main is the scheme by which samples are signed, and nil if none is.
func (k *kit) main() *scheme.Scheme {
	if len(k.schemes) == 0 {
		return nil
	}
	return k.schemes[0]
}

// signs is an error where nothing is signed that could be wrong.
func (k *kit) signs() error {
	if k.main() == nil {
		return skip("%s signs nothing", k.provider.ID)
	}
	return nil
}

// token says whether what stands for a signature is the secret itself.
func (k *kit) token() bool {
	return k.main() != nil && slices.Contains([]string{"token", "basic"}, k.main().Spec().Algorithm)
}

// timestamped says whether a signature covers the time of signing.
func (k *kit) timestamped() bool { return k.signer.Timestamped() }

// contentType is that of the usual sample, without its parameters.
func contentType(d *webhook.Delivery) string {
	kind, _, _ := strings.Cut(d.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// isForm says whether d carries a form.
func isForm(d *webhook.Delivery) bool { return contentType(d) == "application/x-www-form-urlencoded" }

// shownURL is the address without what nobody else is to see.
func (k *kit) shownURL() string { return safetext.CleanURL(k.shown) }
