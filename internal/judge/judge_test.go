package judge_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func now() time.Time { return time.Unix(1_700_000_000, 0).UTC() }

// twins are two providers that share a header, as some do, and one with
// handshakes of every kind.
func twins() []provider.Source {
	twin := func(id, path string) provider.Source {
		return provider.Source{Name: id, Data: []byte(`
id: ` + id + `
name: ` + id + `
schemes:
- algorithm: hmac-sha256
  signature: {in: [header:X-Twin-Signature]}
event: {id: [$.id], type: [$.` + path + `]}
events:
- type: twin.made
  sample: '{"id":"1","` + path + `":"twin.made"}'
`)}
	}
	return []provider.Source{twin("twin-a", "type"), twin("twin-b", "kind"), {Name: "greeter", Data: []byte(`
id: greeter
name: Greeter
schemes:
- algorithm: hmac-sha256
  signature: {in: [header:X-Greeter-Signature]}
event: {type: [$.type]}
handshakes:
- method: GET
  when: {query:greet: "*"}
  body: '{query:greet}'
- method: GET
  when: {query:crc: "*"}
  body: '{query:crc|hmac-sha256|hex}'
- method: POST
  signed: true
  when: {$.type: check}
  body: '{$.token|hmac-sha256|base64}'
  headers: {Content-Type: application/json}
events:
- type: greeter.made
  sample: '{"type":"greeter.made"}'
`)}}
}

// A bench is a judge with the secrets of a test.
type bench struct {
	*judge.Judge
	own   map[string]string
	fail  error
	reads int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	c, err := provider.Load(twins()...)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{own: map[string]string{}}
	b.Judge = &judge.Judge{
		Catalogue: c,
		Secrets: func(_ context.Context, p string) ([]secret.Named, error) {
			b.reads++
			if s := b.own[p]; s != "" {
				return []secret.Named{{Name: p, Secret: safetext.NewSecret(s)}}, nil
			}
			return nil, b.fail
		},
		Development: func(p string) (secret.Named, error) {
			return secret.Named{Name: secret.DevelopmentName, Secret: safetext.NewSecret("dev-" + p)}, nil
		},
	}
	return b
}

// delivery makes a signed delivery of a provider's first event, straight from
// this machine.
func (b *bench) delivery(t *testing.T, id, signedWith string) *webhook.Delivery {
	t.Helper()
	p, err := b.Catalogue.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	seed := int64(1)
	e, err := p.Build(provider.BuildOptions{Type: p.Events[0].Type, At: now(), Seed: &seed})
	if err != nil {
		t.Fatal(err)
	}
	m := &scheme.Message{Method: "POST", URL: "http://127.0.0.1:3000/", Header: e.Header.Clone(), Body: e.Body}
	if signedWith != "" {
		keys, err := p.Keys(safetext.NewSecret(signedWith))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Sign(m, scheme.SignOptions{Keys: keys, At: now()}); err != nil {
			t.Fatal(err)
		}
	}
	return &webhook.Delivery{Method: m.Method, URL: m.URL, Header: m.Header, Body: m.Body, RemoteAddr: "127.0.0.1:50000"}
}

func verdict(d *webhook.Delivery) string {
	v := d.Verification
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", d.Provider, v.Status, v.Reason, v.SecretName))
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		own  map[string]string
		from string // provider
		with string // secret
		edit func(*webhook.Delivery)
		want string
	}{
		{"own", map[string]string{"canvelete": "s"}, "canvelete", "s", nil, "canvelete verified  canvelete"},
		{"own-wrong", map[string]string{"canvelete": "s"}, "canvelete", "x", nil, "canvelete invalid signature_mismatch"},
		{"own-unsigned-by-development", map[string]string{"canvelete": "s"}, "canvelete", "dev-canvelete", nil, "canvelete invalid signature_mismatch"},
		{"own-wrong-through-proxy", map[string]string{"canvelete": "s"}, "canvelete", "x", proxied, "canvelete invalid signature_mismatch"},
		{"development", nil, "canvelete", "dev-canvelete", nil, "canvelete verified  development"},
		{"development-through-proxy", nil, "canvelete", "dev-canvelete", proxied, "canvelete verified  development"},
		{"development-wrong", nil, "canvelete", "x", nil, "canvelete invalid signature_mismatch"},
		{"development-wrong-through-proxy", nil, "canvelete", "x", proxied, "canvelete unverified secret_unknown"},
		{"development-wrong-from-elsewhere", nil, "canvelete", "x", elsewhere, "canvelete unverified secret_unknown"},
		{"missing", nil, "canvelete", "s", func(d *webhook.Delivery) { d.Header.Set("X-Canvelete-Signature", "") }, "canvelete invalid signature_malformed"},
		{"malformed", map[string]string{"canvelete": "s"}, "canvelete", "s", func(d *webhook.Delivery) { d.Header.Set("X-Canvelete-Signature", "sha256=zz") }, "canvelete invalid signature_malformed"},
		{"changed", map[string]string{"canvelete": "s"}, "canvelete", "s", func(d *webhook.Delivery) { d.Body = append(d.Body, ' ') }, "canvelete invalid signature_mismatch"},
		{"stamped", map[string]string{"sketchpen": "s"}, "sketchpen", "s", nil, "sketchpen verified  sketchpen"},
		{"stamp-missing", map[string]string{"sketchpen": "s"}, "sketchpen", "s", func(d *webhook.Delivery) { d.Header.Del("X-Sketchpen-Timestamp") }, "sketchpen invalid timestamp_missing"},
		{"stamp-malformed", map[string]string{"sketchpen": "s"}, "sketchpen", "s", func(d *webhook.Delivery) { d.Header.Set("X-Sketchpen-Timestamp", "1.5") }, "sketchpen invalid timestamp_malformed"},
		{"unknown", nil, "canvelete", "", nil, "unverified provider_unknown"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.own = tt.own
			d := b.delivery(t, tt.from, tt.with)
			if tt.edit != nil {
				tt.edit(d)
			}
			o := b.Judge.Judge(t.Context(), d, now())
			if got := verdict(d); got != tt.want {
				t.Errorf("verdict = %q, want %q", got, tt.want)
			}
			if d.Provider != "" && (d.EventType == "" || tt.own == nil && !o.Development) {
				t.Errorf("event type %q, development %v", d.EventType, o.Development)
			}
		})
	}
}

func proxied(d *webhook.Delivery) { d.Header.Set("X-Forwarded-For", "203.0.113.1") }

func elsewhere(d *webhook.Delivery) { d.RemoteAddr = "203.0.113.1:443" }

// A signed timestamp may be 300 seconds off, and no more.
func TestTolerance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		off  time.Duration
		want string
		set  func(*judge.Judge)
	}{
		{299 * time.Second, "sketchpen verified  sketchpen", nil},
		{300 * time.Second, "sketchpen verified  sketchpen", nil},
		{301 * time.Second, "sketchpen invalid timestamp_expired", nil},
		{-300 * time.Second, "sketchpen verified  sketchpen", nil},
		{-301 * time.Second, "sketchpen invalid timestamp_future", nil},
		{301 * time.Second, "sketchpen verified  sketchpen", func(j *judge.Judge) { j.Tolerance = time.Hour }},
		{24 * time.Hour, "sketchpen verified  sketchpen", func(j *judge.Judge) { j.AgeOff = true }},
	} {
		b := newBench(t)
		b.own["sketchpen"] = "s"
		if tt.set != nil {
			tt.set(b.Judge)
		}
		d := b.delivery(t, "sketchpen", "s")
		b.Judge.Judge(t.Context(), d, now().Add(tt.off))
		if got := verdict(d); got != tt.want {
			t.Errorf("%v late: %q, want %q", tt.off, got, tt.want)
		}
	}
}

// A signature by the development secret that is too old is that, and no doubt
// about the secret, also where it came through a proxy.
func TestDevelopmentTooOld(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		secret, want string
	}{
		{"dev-sketchpen", "sketchpen invalid timestamp_expired"},
		{"other", "sketchpen unverified secret_unknown"},
	} {
		b := newBench(t)
		d := b.delivery(t, "sketchpen", tt.secret)
		d.Header.Set("X-Forwarded-For", "192.0.2.1")
		b.Judge.Judge(t.Context(), d, now().Add(time.Hour))
		if got := verdict(d); got != tt.want {
			t.Errorf("signed with %q an hour ago: %q, want %q", tt.secret, got, tt.want)
		}
	}
}

// Where providers share a header, the secret that verifies decides, and where
// none does no provider is named.
func TestSharedHeader(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		own  map[string]string
		with string
		edit func(*webhook.Delivery)
		want string
		open bool
	}{
		{"first", map[string]string{"twin-a": "a", "twin-b": "b"}, "a", nil, "twin-a verified  twin-a", false},
		{"second", map[string]string{"twin-a": "a", "twin-b": "b"}, "b", nil, "twin-b verified  twin-b", false},
		{"neither", map[string]string{"twin-a": "a", "twin-b": "b"}, "x", nil, "invalid signature_mismatch", true},
		{"one-has-a-secret", map[string]string{"twin-b": "b"}, "x", nil, "twin-b invalid signature_mismatch", false},
		{"development", nil, "dev-twin-b", nil, "twin-b verified  development", false},
		{"nothing-known", nil, "x", nil, "invalid signature_mismatch", true},
		{"nothing-known-through-proxy", nil, "x", proxied, "unverified secret_unknown", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.own = tt.own
			d := b.delivery(t, "twin-a", tt.with)
			if tt.edit != nil {
				tt.edit(d)
			}
			o := b.Judge.Judge(t.Context(), d, now())
			if got := verdict(d); got != tt.want {
				t.Errorf("verdict = %q, want %q", got, tt.want)
			}
			if open := strings.Join(o.Candidates, " ") == "twin-a twin-b"; open != tt.open {
				t.Errorf("candidates = %v", o.Candidates)
			}
		})
	}
}

func TestForcedProvider(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, err := b.Catalogue.Get("loopcanvas")
	if err != nil {
		t.Fatal(err)
	}
	b.Provider = p
	d := b.delivery(t, "canvelete", "dev-canvelete")
	b.Judge.Judge(t.Context(), d, now())
	if got := verdict(d); got != "loopcanvas unsigned signature_missing" {
		t.Errorf("verdict = %q, want loopcanvas unsigned", got)
	}
}

// A secret that is set while the judge works counts for the next delivery that
// needs it, and one that verifies is not read again for each.
func TestSecretsAreReadAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	at := now()
	judged := func(with string) string {
		d := b.delivery(t, "canvelete", with)
		b.Judge.Judge(t.Context(), d, at)
		return verdict(d)
	}
	for range 10 {
		if got := judged("dev-canvelete"); got != "canvelete verified  development" {
			t.Fatalf("verdict = %q", got)
		}
	}
	if b.reads != 1 {
		t.Errorf("secrets read %d times for 10 deliveries, want once", b.reads)
	}
	b.own["canvelete"] = "new"
	at = at.Add(2 * time.Second)
	if got := judged("new"); got != "canvelete verified  canvelete" {
		t.Errorf("with a new secret: %q", got)
	}
	for range 10 {
		judged("wrong")
	}
	if b.reads != 2 {
		t.Errorf("secrets read %d times, want not for each wrong delivery", b.reads)
	}
	b.own["canvelete"] = "newer"
	at = at.Add(time.Hour)
	if got := judged("new"); got != "canvelete invalid signature_mismatch" {
		t.Errorf("with a secret that was taken away: %q", got)
	}
}

func TestUnusableSecrets(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.fail = errors.New("the keyring is locked")
	d := b.delivery(t, "canvelete", "s")
	o := b.Judge.Judge(t.Context(), d, now())
	if got := verdict(d); got != "canvelete unverified secret_unknown" || !errors.Is(o.Problem, b.fail) {
		t.Errorf("verdict = %q, problem = %v", got, o.Problem)
	}
}

func TestDirect(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		from, header string
		want         bool
	}{
		{"127.0.0.1:1", "", true},
		{"[::1]:1", "", true},
		{"[::ffff:127.0.0.1]:1", "", true},
		{"127.0.0.1:1", "X-Forwarded-For", false},
		{"127.0.0.1:1", "X-Forwarded-Anything", false},
		{"127.0.0.1:1", "Forwarded", false},
		{"127.0.0.1:1", "Via", false},
		{"127.0.0.1:1", "X-Forward", true},
		{"192.0.2.1:1", "", false},
		{"", "", false},
	} {
		d := &webhook.Delivery{RemoteAddr: tt.from, Header: http.Header{}}
		if tt.header != "" {
			d.Header.Set(tt.header, "x")
		}
		if got := judge.Direct(d); got != tt.want {
			t.Errorf("Direct(%q with %q) = %v, want %v", tt.from, tt.header, got, tt.want)
		}
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.delivery(t, "loopcanvas", "dev-loopcanvas")
	o := b.Judge.Judge(t.Context(), d, now())
	if d.EventID == "" || d.EventType == "" || !o.Order.Equal(now()) {
		t.Errorf("event %q of type %q, order %v; want all of them", d.EventID, d.EventType, o.Order)
	}
	d = b.delivery(t, "canvelete", "dev-canvelete")
	if o := b.Judge.Judge(t.Context(), d, now()); !o.Order.IsZero() {
		t.Errorf("order = %v for a provider that has none", o.Order)
	}
	d = b.delivery(t, "canvelete", "")
	d.Body = []byte(`{"eventId":"a","eventId":"b","eventType":"t","timestamp":"x","data":{}}`)
	d.Header.Set("X-Canvelete-Signature", "sha256="+strings.Repeat("0", 64))
	if o := b.Judge.Judge(t.Context(), d, now()); len(o.Ambiguous) != 1 || o.Ambiguous[0].First != "a" || o.Ambiguous[0].Last != "b" {
		t.Errorf("ambiguous = %+v, want both ids", o.Ambiguous)
	}
}

func TestGreet(t *testing.T) {
	t.Parallel()
	get := func(query string) *webhook.Delivery {
		return &webhook.Delivery{Method: "GET", URL: "http://x/?" + query, Header: http.Header{}, RemoteAddr: "203.0.113.9:1"}
	}
	own := map[string]string{"greeter": "s"}
	for _, tt := range []struct {
		name string
		own  map[string]string
		d    *webhook.Delivery
		want string
	}{
		{"echo", nil, get("greet=abc.~_-%2B%3D%2F"), "200 abc.~_-+=/"},
		{"echo-a-kibibyte", nil, get("greet=" + strings.Repeat("a", 1024)), "200 " + strings.Repeat("a", 1024)},
		{"echo-more", nil, get("greet=" + strings.Repeat("a", 1025)), "400 challenge refused\n"},
		{"echo-markup", nil, get("greet=%3Cscript%3E"), "400 challenge refused\n"},
		{"echo-line", nil, get("greet=a%0Ab"), "400 challenge refused\n"},
		{"none", nil, get("other=abc"), ""},
		{"twice", nil, get("greet=a&greet=b"), ""},
		{"sign", own, get("crc=abc"), "200 "},
		{"sign-without-secret", nil, get("crc=abc"), "400 challenge refused\n"},
		{"sign-dot", own, get("crc=1700000000.%7B%7D"), "400 challenge refused\n"},
		{"sign-point", own, get("crc=a.b"), "400 challenge refused\n"},
		{"sign-colon", own, get("crc=v0:1:a"), "400 challenge refused\n"},
		{"sign-brace", own, get("crc=%7B"), "400 challenge refused\n"},
		{"sign-space", own, get("crc=a%20b"), "400 challenge refused\n"},
		{"sign-long", own, get("crc=" + strings.Repeat("a", 129)), "400 challenge refused\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.own = tt.own
			b.Judge.Judge(t.Context(), tt.d, now())
			g, ok := b.Greet(t.Context(), tt.d, now())
			got := ""
			if ok {
				got = fmt.Sprintf("%d %s", g.Status, g.Body)
				if ct := g.Header.Get("Content-Type"); ct != "text/plain; charset=utf-8" || g.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("header = %v", g.Header)
				}
			}
			if tt.name == "sign" {
				if len(g.Body) != 64 || g.Status != 200 {
					t.Errorf("answer = %q, want 64 hex digits", got)
				}
				return
			}
			if got != tt.want {
				t.Errorf("answer = %.80q, want %.80q", got, tt.want)
			}
		})
	}
}

// A handshake that the provider signs is answered only if it is, with a secret
// of the provider's own, and ten times a minute.
func TestGreetSigned(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ask := func(with, body string, at time.Time) string {
		d := b.delivery(t, "greeter", "")
		d.Body = []byte(body)
		p, err := b.Catalogue.Get("greeter")
		if err != nil {
			t.Fatal(err)
		}
		keys, err := p.Keys(safetext.NewSecret(with))
		if err != nil {
			t.Fatal(err)
		}
		m := judge.Message(d)
		if err := p.Sign(m, scheme.SignOptions{Keys: keys, At: at}); err != nil {
			t.Fatal(err)
		}
		d.Header, d.Body = m.Header, m.Body
		b.Judge.Judge(t.Context(), d, at)
		g, _ := b.Greet(t.Context(), d, at)
		return fmt.Sprint(g.Status)
	}
	if got := ask("dev-greeter", `{"type":"check","token":"abc"}`, now()); got != "400" {
		t.Errorf("signed with the development secret: %s, want 400", got)
	}
	b.own["greeter"] = "s"
	at := now().Add(time.Minute)
	if got := ask("x", `{"type":"check","token":"abc"}`, at); got != "400" {
		t.Errorf("signed with another secret: %s, want 400", got)
	}
	var all []string
	for range 12 {
		all = append(all, ask("s", `{"type":"check","token":"abc"}`, at))
	}
	all = append(all, ask("s", `{"type":"check","token":"abc"}`, at.Add(time.Minute)))
	if got := strings.Join(all, " "); got != strings.Repeat("200 ", 10)+"400 400 200" {
		t.Errorf("answers = %s, want ten a minute", got)
	}
}

// What a handshake can be made to sign is never what a delivery is signed
// with, whichever provider the delivery would be from.
func TestGreetIsNoOracle(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.own["greeter"] = "s"
	tried := 0
	for _, p := range b.Catalogue.All() {
		for i, s := range p.Schemes() {
			if !strings.HasPrefix(s.Spec().Algorithm, "hmac-") {
				continue
			}
			seed := int64(i)
			e, err := p.Build(provider.BuildOptions{Type: p.Events[0].Type, At: now(), Seed: &seed})
			if err != nil {
				t.Fatal(err)
			}
			m := &scheme.Message{Method: "POST", URL: "https://x.example/hook", Header: e.Header, Body: e.Body}
			text, err := p.SecretForm().New()
			if err != nil {
				t.Fatal(err)
			}
			key, err := s.Key(text)
			if err != nil {
				continue
			}
			if err := s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: now()}); err != nil {
				continue
			}
			content := s.SignedContent(m, key)
			tried++
			d := &webhook.Delivery{Method: "GET", URL: "http://x/?crc=" + escape(string(content)), Header: http.Header{}}
			if g, ok := b.Greet(t.Context(), d, now().Add(time.Duration(tried)*time.Minute)); ok && g.Status == 200 {
				t.Errorf("%s: what it signs was signed as a challenge: %.100q", p.ID, content)
			}
		}
	}
	if tried < 4 {
		t.Errorf("%d schemes tried, want every one", tried)
	}
}

func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func TestCovered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	d := b.delivery(t, "sketchpen", "dev-sketchpen")
	d.Header.Set("X-Added", "by somebody")
	if b.Covered(d) != nil {
		t.Error("something is covered before it is judged")
	}
	b.Judge.Judge(t.Context(), d, now())
	signed := b.Covered(d)
	if signed == nil {
		t.Fatalf("nothing is covered: %s", verdict(d))
	}
	for name, want := range map[string]bool{
		"X-Sketchpen-Signature": true, "X-Sketchpen-Timestamp": true, "Content-Type": false, "X-Added": false, "Host": false,
	} {
		if got := signed(name); got != want {
			t.Errorf("%s covered: %v, want %v", name, got, want)
		}
	}
}

// BenchmarkJudge judges a signed delivery whose secrets are known.
func BenchmarkJudge(b *testing.B) {
	c, err := provider.Load()
	if err != nil {
		b.Fatal(err)
	}
	j := &judge.Judge{Catalogue: c, Secrets: func(context.Context, string) ([]secret.Named, error) {
		return []secret.Named{{Name: "canvelete", Secret: safetext.NewSecret("s")}}, nil
	}}
	p, err := c.Get("canvelete")
	if err != nil {
		b.Fatal(err)
	}
	e, err := p.Build(provider.BuildOptions{Type: "render.completed", At: now()})
	if err != nil {
		b.Fatal(err)
	}
	m := &scheme.Message{Method: "POST", URL: "http://127.0.0.1:3000/", Header: e.Header, Body: e.Body}
	keys, err := p.Keys(safetext.NewSecret("s"))
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Sign(m, scheme.SignOptions{Keys: keys, At: now()}); err != nil {
		b.Fatal(err)
	}
	for name, value := range map[string]string{"Host": "x", "Content-Length": "300", "User-Agent": "x", "Accept-Encoding": "gzip"} {
		m.Header.Set(name, value)
	}
	b.ReportAllocs()
	for b.Loop() {
		d := &webhook.Delivery{Method: m.Method, URL: m.URL, Header: m.Header, Body: m.Body, RemoteAddr: "127.0.0.1:1"}
		if j.Judge(b.Context(), d, now()); d.Verification.Status != webhook.Verified {
			b.Fatal(verdict(d))
		}
	}
}
