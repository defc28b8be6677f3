package emulate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Every provider of the catalogue can be emulated: with nothing but what the
// registration answers, an app verifies what it gets.
func TestEveryProvider(t *testing.T) {
	t.Parallel()
	c, err := catalogue()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, nil)
	a := newApp(t)
	verified, unsigned := 0, 0
	for _, p := range c.All() {
		if strings.HasPrefix(p.SecretForm().Encoding, "rsa") {
			continue // such a key takes long to make
		}
		var e endpointView
		r.want(201, "POST", "/_hooks/endpoints", fmt.Sprintf(`{"provider":%q,"url":"%s/%s?x=1"}`, p.ID, a.URL, p.ID)).decode(t, &e)
		n := len(a.arrivals())
		r.want(201, "POST", "/_hooks/events", fmt.Sprintf(`{"provider":%q,"type":%q}`, p.ID, p.Events[0].Type))
		r.settle()
		got := a.arrivals()
		if len(got) != n+1 {
			t.Errorf("%s: %d arrivals", p.ID, len(got)-n)
			continue
		}
		m := &scheme.Message{Method: got[n].method, URL: a.URL + got[n].target, Header: got[n].header, Body: got[n].body}
		if len(p.Schemes()) == 0 {
			unsigned++
			continue
		}
		if e.Secret == nil {
			t.Errorf("%s: the registration tells no secret", p.ID)
			continue
		}
		v := p.Verifier(provider.NamedSecret{Name: "told", Secret: safetext.NewSecret(*e.Secret)}).Verify(m, scheme.VerifyOptions{Now: start()})
		if v.Status != webhook.Verified {
			t.Errorf("%s %s: %+v\n%v", p.ID, p.Events[0].Type, v, m.Header)
		}
		verified++
	}
	t.Logf("%d verified, %d sign nothing", verified, unsigned)
}
