package snippet

import (
	"errors"
	"go/format"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
)

func catalogue(t *testing.T) *provider.Catalogue {
	t.Helper()
	c, err := provider.Load()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func describe(t *testing.T, c *provider.Catalogue, id string) *Handler {
	t.Helper()
	p, err := c.Get(id)
	if err != nil {
		t.Fatal(err)
	}
	h, err := Describe(p)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestDescribe reads the shapes that signatures come in.
func TestDescribe(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	tests := []struct{ provider, content, header string }{
		{"canvelete", "{body}", "X-Canvelete-Signature: sha256=<sha256 hex>"},
		{"stripe", "{timestamp}.{body}", "Stripe-Signature: v1=<sha256 hex>, t= in s up to 300"},
		{"slack", "v0:{timestamp}:{body}", "X-Slack-Signature: v0=<sha256 hex>, X-Slack-Request-Timestamp in s up to 300"},
		{"standard-webhooks", "{header webhook-id}.{timestamp}.{body}", "webhook-signature: v1,<sha256 base64>, webhook-timestamp in s up to 300"},
		{"supabase-auth-hooks", "{header webhook-id}.{timestamp}.{body}", "webhook-signature: v1,<sha256 base64>, webhook-timestamp in s up to 300"},
		{"box", "{body}{timestamp}", "BOX-SIGNATURE-PRIMARY: <sha256 base64>, BOX-DELIVERY-TIMESTAMP in rfc3339 up to 600"},
		{"linear", "{body}", "Linear-Signature: <sha256 hex>, body in ms up to 60"},
		{"recurly", "{timestamp}.{body}", "recurly-signature: <sha256 hex>, first in ms up to 300"},
		{"twilio", "{url}{form}", "X-Twilio-Signature: <sha1 base64>"},
		{"hubspot-v3", "POST{url}{body}{timestamp}", "X-HubSpot-Signature-v3: <sha256 base64>, X-HubSpot-Request-Timestamp in ms up to 300"},
		{"sanity", "{timestamp}.{body}", "sanity-webhook-signature: v1=<sha256 base64url-raw>, t= in ms up to 300"},
		{"gitlab", "", "X-Gitlab-Token: plain"},
		{"postmark", "", "Authorization: Basic basic"},
	}
	for _, tt := range tests {
		h := describe(t, c, tt.provider)
		if content, header := h.picture(); content != tt.content || header != tt.header {
			t.Errorf("%s: signs %q in %q, want %q in %q", tt.provider, content, header, tt.content, tt.header)
		}
	}
}

// picture writes what is signed and where the signature is on two lines.
func (h *Handler) picture() (content, header string) {
	for _, p := range h.Content {
		switch p.Kind {
		case "text":
			content += p.Text
		case "header":
			content += "{header " + p.Text + "}"
		default:
			content += "{" + p.Kind + "}"
		}
	}
	header = h.Headers[0] + ": " + h.Prefix + h.Token
	if h.Token == "" {
		header += "<" + h.Hash + " " + h.Encoding + ">"
	}
	if s := h.Stamp; s != nil {
		where := s.Header + s.Prefix
		if s.First {
			where = "first"
		} else if len(s.Path) > 0 {
			where = "body"
		}
		header += ", " + where + " in " + s.Unit + " up to " + strconv.Itoa(s.Seconds)
	}
	return content, header
}

// TestDescribeRefuses says why there is no handler for some providers.
func TestDescribeRefuses(t *testing.T) {
	t.Parallel()
	refused := map[string]string{
		"adyen": "every item", "coinbase-cdp": "names the headers", "contentful": "names the headers", "hygraph": "header is",
		"mailgun": "not in a header", "plivo": "{url-base}", "figma": "not in a header", "mailchimp": "not in a header",
		"microsoft-graph": "every item", "monday": "JSON web token", "paypal": "key pair", "discord": "key pair", "hubspot-v1": "plain hash",
	}
	described := 0
	for _, p := range catalogue(t).All() {
		h, err := Describe(p)
		no := (*UnsupportedError)(nil)
		switch want := refused[p.ID]; {
		case err == nil && want != "":
			t.Errorf("%s: described, want %q", p.ID, want)
		case err == nil && len(h.Headers) == 0:
			t.Errorf("%s: no header has its signature", p.ID)
		case err == nil:
			described++
		case !errors.As(err, &no) || no.Provider != p.ID || !strings.Contains(no.Why, want) || no.Why == "":
			t.Errorf("%s: %v, want an UnsupportedError with %q", p.ID, err, want)
		}
	}
	if described < 100 {
		t.Errorf("%d providers are described", described)
	}
}

// A definition from anywhere writes no code: what no template could quote is
// refused.
func TestDescribeRefusesCode(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"as it is":         {"", ""},
		"php":              {"name: Acme", "name: 'Acme ?><?php evil(); //'"},
		"docstring":        {"name: Acme", `name: 'Acme """; evil() #'`},
		"java":             {"name: Acme", `name: 'Acme \u000aevil();'`},
		"variable":         {"env: ACME_SECRET", "env: 'ACME; evil()'"},
		"prefix":           {"prefix: acme_", `prefix: "') || evil() || ('"`},
		"prefix as regexp": {"prefix: acme_", "prefix: '/'"},
		"header":           {"header:X-Acme", "header:X-'.evil().'"},
		"field":            {"id: $.id", `id: "$['a'] + evil() + ['b']"`},
		"method":           {"delivery:", "request: {method: \"POST'+x+'\"}\ndelivery:"},
	} {
		text := strings.Replace(`id: acme
name: Acme
schemes:
  - algorithm: hmac-sha256
    content: "{body}"
    signature: {in: "header:X-Acme", format: "{signature}", encoding: hex}
    secret: {prefix: acme_, env: ACME_SECRET}
event: {id: $.id, type: $.type}
delivery: {path: /webhooks/acme}
`, change[0], change[1], 1)
		c, err := provider.Load(provider.Source{Name: "acme.yaml", Data: []byte(text)})
		if err != nil {
			continue // refused before
		}
		p, err := c.Get("acme")
		if err != nil {
			continue
		}
		if _, err := Describe(p); (err == nil) != (name == "as it is") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// shapes are providers that differ in what a handler has to do.
func shapes() []string {
	return []string{
		"canvelete", "stripe", "slack", "standard-webhooks", "box", "linear", "recurly", "persona", "workos", "twilio", "mandrill",
		"square", "sanity", "gitlab", "postmark", "zoom", "whatsapp", "twitter", "line", "airtable", "orb", "lob", "oura", "tebex", "adyen-platform", "chargify",
	}
}

// leftover is what a template leaves when it is given what it does not know.
var leftover = regexp.MustCompile(`<no value>|%!|\{\{|\x00|map\[(Kind|Place)|\{(text|body|value) `)

// TestGenerate writes handlers of every shape in every language.
func TestGenerate(t *testing.T) {
	t.Parallel()
	c := catalogue(t)
	for _, l := range Languages() {
		for _, id := range shapes() {
			h := describe(t, c, id)
			code, err := Generate(h, l)
			if err != nil {
				t.Errorf("%s in %s: %v", id, l.ID, err)
				continue
			}
			if m := leftover.FindString(code); m != "" {
				t.Errorf("%s in %s: it has %q", id, l.ID, m)
			}
			for _, want := range []string{h.SecretEnv, "hooks snippet " + id + " --lang " + l.ID, "hooks check http://"} {
				if !strings.Contains(code, want) {
					t.Errorf("%s in %s: %q is missing", id, l.ID, want)
				}
			}
			for line := range strings.Lines(code) {
				if strings.TrimRight(line, " \t\n") != strings.TrimRight(line, "\n") {
					t.Errorf("%s in %s: white space at the end of %q", id, l.ID, line)
				}
			}
			if l.ID == "go" {
				formatted, err := format.Source([]byte(code))
				if err != nil || string(formatted) != code {
					t.Errorf("%s in go: not as gofmt has it: %v", id, err)
				}
			}
		}
	}
}

// TestQuoting writes a definition with quotes and backslashes, which have to
// stay text in every language.
func TestQuoting(t *testing.T) {
	t.Parallel()
	h := describe(t, catalogue(t), "slack")
	h.Content[0].Text = `'"\`
	want := map[string]string{
		"node-express": `.update('\'"\\')`, "python-flask": `b"'\"\\"`, "go": `io.WriteString(mac, "'\"\\")`,
		"ruby-sinatra": `mac << '\'"\\'`, "php": `$content = '\'"\\'`,
	}
	for id, text := range want {
		l, err := Find(id)
		if err != nil {
			t.Fatal(err)
		}
		code, err := Generate(h, l)
		if err != nil || !strings.Contains(code, text) {
			t.Errorf("%s: %s is not in the handler (%v)", id, text, err)
		}
	}
}
