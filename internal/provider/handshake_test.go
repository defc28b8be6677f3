package provider_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

const greeter = `id: greeter
schemes: [{algorithm: hmac-sha256, signature: {in: header:X-Greeter}}]
handshakes:
- name: echo-query
  method: GET
  when: {query:hub.mode: subscribe, query:hub.challenge: "*"}
  headers: {Content-Type: text/plain}
  body: "{query:hub.challenge}"
  send:
    query: {hub.mode: subscribe, hub.challenge: "{{digits 10}}", hub.verify_token: a b}
- name: echo-field
  when: {$.type: url_verification}
  signed: true
  body: '{{"challenge":{$.challenge|json}}}'
  send:
    body: '{"type": "url_verification", "challenge": "{{alnum 40}}"}'
- name: answer-with-hmac
  when: {$.event: endpoint.url_validation}
  body: '{{"plainToken":{$.payload.plainToken|json},"encryptedToken":"{$.payload.plainToken|hmac-sha256|hex}"}}'
  send:
    body: '{"event": "endpoint.url_validation", "payload": {"plainToken": "{{alnum 22}}"}}'
- name: echo-header
  when: {header:X-Hook-Secret: "*"}
  keep: header:X-Hook-Secret
  status: 204
  headers: {X-Hook-Secret: "{header:X-Hook-Secret}"}
  send:
    headers: {X-Hook-Secret: "{{hex 64}}"}
- name: options
  method: OPTIONS
  when: {header:WebHook-Request-Origin: "*"}
  headers: {WebHook-Allowed-Origin: "{header:WebHook-Request-Origin}", WebHook-Allowed-Rate: "{header:WebHook-Request-Rate}"}
  send:
    headers: {WebHook-Request-Origin: hooks.example}
`

// TestHandshakes performs each on both sides: what the provider sends is known
// for what it is, is answered, and the answer is right; another one is not.
func TestHandshakes(t *testing.T) {
	t.Parallel()
	p, err := load(t, provider.Source{Name: "g", Data: []byte(greeter)}).Get("greeter")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := p.Keys(safetext.NewSecret("a secret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range p.Handshakes() {
		m, err := h.Request(p, "https://app.example/hook?x=1", provider.BuildOptions{At: at})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Handshake(m); got != h {
			t.Fatalf("%s is taken for %v", h.Name, got)
		}
		if _, err := url.Parse(m.URL); err != nil || !strings.HasPrefix(m.URL, "https://app.example/hook?x=1") {
			t.Errorf("%s: URL %s", h.Name, m.URL)
		}
		if _, err := h.Answer(m, nil); h.NeedsSecret() != errors.Is(err, provider.ErrNeedsSecret) {
			t.Errorf("%s without a secret: %v", h.Name, err)
		}
		a, err := h.Answer(m, keys[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Check(m, keys[0], a.Status, a.Header, a.Body); err != nil {
			t.Errorf("%s: the right answer: %v", h.Name, err)
		}
		if err := h.Check(m, keys[0], 500, a.Header, a.Body); err == nil {
			t.Errorf("%s: status 500 is right", h.Name)
		}
		if len(a.Body) > 0 {
			if err := h.Check(m, keys[0], a.Status, a.Header, []byte("other")); err == nil {
				t.Errorf("%s: another body is right", h.Name)
			}
			if err := h.Check(m, keys[0], a.Status, a.Header, append([]byte("  "), a.Body...)); err != nil && strings.HasPrefix(string(a.Body), "{") {
				t.Errorf("%s: white space before JSON: %v", h.Name, err)
			}
		}
		if h.Name == "echo-header" && (a.Secret == "" || a.Secret != m.Header.Get("X-Hook-Secret") || h.Check(m, nil, 204, http.Header{}, nil) == nil) {
			t.Errorf("echo-header: %+v", a)
		}
		if h.Name == "options" && (len(a.Header) != 1 || a.Header.Get("WebHook-Allowed-Origin") != "hooks.example") {
			t.Errorf("options: %v", a.Header)
		}
	}
}

func TestWhatIsNoHandshake(t *testing.T) {
	t.Parallel()
	p, err := load(t, provider.Source{Name: "g", Data: []byte(greeter)}).Get("greeter")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*scheme.Message{
		{Method: "POST", URL: "/?hub.mode=subscribe&hub.challenge=1"},
		{Method: "GET", URL: "/?hub.mode=subscribe"},
		{Method: "GET", URL: "/?hub.mode=subscribe&hub.challenge=1&hub.challenge=2"},
		{Method: "POST", URL: "/", Body: []byte(`{"type":"event","challenge":"x"}`)},
		{Method: "POST", URL: "/", Body: []byte(`{"type":"url_verification","type":"event"}`)},
	} {
		if h := p.Handshake(m); h != nil {
			t.Errorf("%s %s %s is %s", m.Method, m.URL, m.Body, h.Name)
		}
	}
}

func TestHandshakeMistakes(t *testing.T) {
	t.Parallel()
	for old, want := range map[string]string{
		`when: {$.type: url_verification}`: "tells the handshake from a delivery",
		`{$.challenge|json}`:               `no filter "jsn"`,
		`{{alnum 40}}`:                     "no such value",
		`status: 204`:                      `allow: "<": space and colon can be allowed`,
		`method: OPTIONS`:                  "refuse: it is for a request that is signed",
	} {
		with := map[string]string{
			`when: {$.type: url_verification}`: "note: x", `{$.challenge|json}`: `{$.challenge|jsn}`, `{{alnum 40}}`: `{{alnumm 40}}`,
			`status: 204`: `allow: "<"`, `method: OPTIONS`: `refuse: 401`,
		}[old]
		var all []string
		for _, p := range provider.Validate([]byte(strings.Replace(greeter, old, with, 1))) {
			all = append(all, p.String())
		}
		if !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%s: %q, want %q", with, all, want)
		}
	}
}

// TestGreeters are known without the others being decoded, a person's among
// them.
func TestGreeters(t *testing.T) {
	t.Parallel()
	c := load(t, provider.Source{Name: "g", Data: []byte(greeter)})
	var got, want []string
	for _, p := range c.Greeters() {
		got = append(got, p.ID)
	}
	for _, p := range c.All() {
		if len(p.Handshakes()) > 0 {
			want = append(want, p.ID)
		}
	}
	if !slices.Equal(got, want) || !slices.Contains(got, "greeter") {
		t.Errorf("Greeters = %v, want %v", got, want)
	}
}
