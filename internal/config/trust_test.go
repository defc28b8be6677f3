package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hooks-cli/hooks/internal/config"
)

// TestUntrustedProject: each file is what the author of a repository could have
// left for whoever runs hooks in it.
func TestUntrustedProject(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text    string
		ignored []string
	}{
		"send-away":              {"to: https://evil.example/\n", []string{"to"}},
		"send-away-plain":        {"to: evil.example\n", []string{"to"}},
		"send-to-the-network":    {"to: http://192.168.1.1/\n", []string{"to"}},
		"send-to-metadata":       {"to: http://169.254.169.254/\n", []string{"to"}},
		"loopback-as-user":       {"to: http://127.0.0.1@evil.example/\n", []string{"to"}},
		"loopback-as-prefix":     {"to: http://localhost.evil.example/\n", []string{"to"}},
		"loopback-short":         {"to: http://127.1/\n", []string{"to"}},
		"loopback-number":        {"to: http://2130706433/\n", []string{"to"}},
		"any-address":            {"to: http://0.0.0.0:3000/\n", []string{"to"}},
		"in-a-profile":           {"profiles: {ci: {to: 'https://evil.example/'}}\n", []string{"to"}},
		"by-alias":               {"events: &e https://evil.example/\nto: *e\n", []string{"to"}},
		"listen-to-all":          {"listen: 0.0.0.0:3000\n", []string{"listen"}},
		"listen-to-all-ipv6":     {"listen: '[::]:3000'\n", []string{"listen"}},
		"forward-away":           {"forward: ['https://evil.example/']\n", []string{"forward"}},
		"forward-one-away":       {"forward: [':3000', 'render.*=https://evil.example/']\n", []string{"forward"}},
		"forward-hidden":         {"forward: ['http://127.0.0.1=https://evil.example/']\n", []string{"forward"}},
		"relay":                  {"relay: https://evil.example/\n", []string{"relay"}},
		"relay-on-loopback":      {"relay: http://127.0.0.1:1/\n", []string{"relay"}},
		"relay-token":            {"secrets: {relay: env:AWS_SECRET_ACCESS_KEY}\n", []string{"secrets.relay"}},
		"store":                  {"store: ./captures.db\n", []string{"store"}},
		"store-elsewhere":        {"store: ~/.ssh/authorized_keys\n", []string{"store"}},
		"delete-captures":        {"keep: 1\n", []string{"keep"}},
		"accept-old-signatures":  {"tolerance: 1000d\n", []string{"tolerance"}},
		"fill-memory":            {"max_body: 1TiB\n", []string{"max_body"}},
		"secret-of-the-system":   {"secrets: {stripe: '@/etc/passwd'}\n", []string{"secrets.stripe"}},
		"secret-of-the-home":     {"secrets: {stripe: '@~/.ssh/id_ed25519'}\n", []string{"secrets.stripe"}},
		"secret-above":           {"secrets: {stripe: '@../outside'}\n", []string{"secrets.stripe"}},
		"secret-by-link":         {"secrets: {stripe: '@link'}\n", []string{"secrets.stripe"}},
		"secret-by-linked-dir":   {"secrets: {stripe: 'file:linkdir/outside'}\n", []string{"secrets.stripe"}},
		"secret-that-is-not":     {"secrets: {stripe: '@nothing'}\n", []string{"secrets.stripe"}},
		"provider-of-the-system": {"providers: [/etc/passwd]\n", []string{"providers"}},
		"provider-above":         {"providers: [good.yaml, ../outside]\n", []string{"providers"}},
		"provider-by-link":       {"providers: [link]\n", []string{"providers"}},
		"several":                {"to: https://evil.example/\nlisten: :1\nkeep: 1\n", []string{"to", "keep"}},

		"loopback":         {"to: http://127.0.0.1:3000/x\n", nil},
		"loopback-port":    {"to: :3000\n", nil},
		"loopback-ipv6":    {"to: http://[::1]:3000\n", nil},
		"listen-port":      {"listen: 4000\n", nil},
		"forward-loopback": {"forward: [render.*=localhost:3000]\n", nil},
		"secret-variable":  {"secrets: {stripe: env:STRIPE}\n", nil},
		"secret-inside":    {"secrets: {stripe: '@sub/inside'}\n", nil},
		"provider-inside":  {"providers: [./good.yaml, {id: mine}]\n", nil},
		"what-is-shown":    {"provider: stripe\nevents: a.*\nfilter: .x\ncolor: never\n", nil},
		"nothing":          {"", nil},
		"comments-only":    {"# later\n", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := hostilePlace(t)
			p.write(t, "hooks.yaml", tt.text)
			p.Profile = "ci"
			s := p.load(t)
			var got []string
			for _, i := range s.Ignored() {
				got = append(got, i.Key)
			}
			if !slices.Equal(got, tt.ignored) {
				t.Fatalf("ignored %v, want %v", got, tt.ignored)
			}
			for _, key := range got {
				if v, err := s.Get(key); key != "providers" && (err != nil || v.Set()) {
					t.Errorf("Get(%s) = %v, %v, want nothing of it", key, v.Texts, err)
				}
			}
			if err := s.Trust(true); err != nil {
				t.Fatal(err)
			}
			if s := p.load(t); !s.Trusted() || len(s.Ignored()) > 0 {
				t.Errorf("once it is trusted, %v is ignored", s.Ignored())
			}
		})
	}
}

func hostilePlace(t *testing.T) *place {
	t.Helper()
	p := newPlace(t)
	p.write(t, "good.yaml", "id: good\n")
	p.write(t, "sub/inside", "secret")
	p.write(t, "../outside", "secret")
	for link, target := range map[string]string{"link": "../outside", "linkdir": ".."} {
		if err := os.Symlink(target, filepath.Join(p.repo, link)); err != nil {
			t.Skip(err)
		}
	}
	return p
}

func TestTrustEndsWithAChange(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.write(t, "hooks.yaml", "to: https://good.example/\n")
	if err := p.load(t).Trust(true); err != nil {
		t.Fatal(err)
	}
	if s := p.load(t); s.To() != "https://good.example/" {
		t.Errorf("To = %q, want what the trusted file has", s.To())
	}
	p.write(t, "hooks.yaml", "to: https://evil.example/\n")
	if s := p.load(t); s.To() != "" || s.Trusted() {
		t.Errorf("To = %q, want nothing of the changed file", s.To())
	}
	p.write(t, "hooks.yaml", "to: https://good.example/\n")
	if err := p.load(t).Trust(false); err != nil {
		t.Fatal(err)
	}
	if p.load(t).Trusted() {
		t.Error("the file is trusted still")
	}
	if err := os.WriteFile(filepath.Join(p.StateDir, "trusted.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p.load(t).Trusted() {
		t.Error("with a damaged list the file is trusted")
	}
	if err := (&config.Settings{}).Trust(true); err == nil {
		t.Error("Trust without a project has no error")
	}
}
