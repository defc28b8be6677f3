package address_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/address"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want, err string }{
		"port":                  {"3000", "http://localhost:3000", ""},
		"port-and-path":         {"3000/webhooks/x?y=1", "http://localhost:3000/webhooks/x?y=1", ""},
		"colon-port":            {":8080/p", "http://localhost:8080/p", ""},
		"localhost":             {"localhost:8080/p", "http://localhost:8080/p", ""},
		"localhost-no-port":     {"localhost/p", "http://localhost/p", ""},
		"name-and-path":         {"example.com/p", "http://example.com/p", ""},
		"ipv4":                  {"127.0.0.1:3000", "http://127.0.0.1:3000", ""},
		"ipv6":                  {"[::1]:3000/p", "http://[::1]:3000/p", ""},
		"full-as-typed":         {"https://Example.com:8443/A%2fb?q=%41#f", "https://Example.com:8443/A%2fb?q=%41#f", ""},
		"userinfo":              {"https://u:p@example.com/", "https://u:p@example.com/", ""},
		"empty":                 {"", "", "empty"},
		"path-only":             {"/webhooks", "", "names no host"},
		"other-scheme":          {"ftp://example.com/", "", "only http and https"},
		"mail":                  {"mailto:someone", "", "is not a port"},
		"no-host":               {"http:///p", "", "names no host"},
		"port-too-large":        {":70000", "", "from 1 to 65535"},
		"port-zero":             {":0", "", "from 1 to 65535"},
		"control-character":     {"http://example.com/\x1b[2J", "", "invalid control character"},
		"space-in-host":         {"http://exa mple.com/", "", "invalid character"},
		"unclosed-bracket":      {"http://[::1/", "", "missing ']'"},
		"password-is-not-shown": {"https://user:hunter2@exa mple/?token=hunter2", "", "invalid"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := address.ParseURL(tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "hunter2") {
					t.Fatalf("ParseURL(%q) = %v, %v, want an error with %q", tt.in, u, err, tt.err)
				}
				return
			}
			if err != nil || u.String() != tt.want {
				t.Errorf("ParseURL(%q) = %v, %v, want %q", tt.in, u, err, tt.want)
			}
		})
	}
}

func TestParseListen(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in       string
		want     address.Listen
		loopback bool
		err      string
	}{
		"colon-port":      {":3000", address.Listen{Port: 3000}, true, ""},
		"bare-port":       {"3000", address.Listen{Port: 3000}, true, ""},
		"any-free-port":   {":0", address.Listen{}, true, ""},
		"localhost":       {"LocalHost:3000", address.Listen{Port: 3000}, true, ""},
		"ipv4-loopback":   {"127.0.0.1:1", address.Listen{Host: "127.0.0.1", Port: 1}, true, ""},
		"ipv6-loopback":   {"[::1]:1", address.Listen{Host: "::1", Port: 1}, true, ""},
		"every-interface": {"0.0.0.0:3000", address.Listen{Host: "0.0.0.0", Port: 3000}, false, ""},
		"every-ipv6":      {"[::]:3000", address.Listen{Host: "::", Port: 3000}, false, ""},
		"empty":           {"", address.Listen{}, false, "empty"},
		"url":             {"http://localhost:3000", address.Listen{}, false, "is a URL"},
		"no-port":         {"localhost", address.Listen{}, false, "not one to listen on"},
		"named-port":      {":http", address.Listen{}, false, "from 0 to 65535"},
		"negative-port":   {":-1", address.Listen{}, false, "from 0 to 65535"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := address.ParseListen(tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("ParseListen(%q) = %v, %v, want an error with %q", tt.in, got, err, tt.err)
				}
				return
			}
			if err != nil || got != tt.want || got.Loopback() != tt.loopback {
				t.Fatalf("ParseListen(%q) = %+v (loopback %v), %v, want %+v (loopback %v)", tt.in, got, got.Loopback(), err, tt.want, tt.loopback)
			}
			if again, err := address.ParseListen(got.String()); err != nil || again != got {
				t.Errorf("ParseListen(%q) = %+v, %v, want it back", got.String(), again, err)
			}
		})
	}
}

func TestLoopbackURL(t *testing.T) {
	t.Parallel()
	tests := map[string]bool{
		"http://localhost:3000/":                true,
		"http://LOCALHOST/":                     true,
		"http://localhost./":                    true,
		"http://127.0.0.1:3000/":                true,
		"http://127.255.255.254/":               true,
		"http://[::1]:3000/":                    true,
		"http://[::ffff:127.0.0.1]/":            true,
		"http://user@127.0.0.1/":                true,
		"http://127.0.0.1@evil.example/":        false,
		"http://localhost.evil.example/":        false,
		"http://a.localhost/":                   false,
		"http://127.0.0.1.evil.example/":        false,
		"http://127.0.0.1./":                    false,
		"http://127.1/":                         false,
		"http://0177.0.0.1/":                    false,
		"http://2130706433/":                    false,
		"http://0x7f000001/":                    false,
		"http://[::1%25eth0]/":                  false,
		"http://[64:ff9b::7f00:1]/":             false,
		"http://[2002:7f00:1::]/":               false,
		"http://[::127.0.0.1]/":                 false,
		"http://0.0.0.0:3000/":                  false,
		"http://[::]/":                          false,
		"http://10.0.0.1/":                      false,
		"http://169.254.169.254/":               false,
		"http://example.com/?host=127.0.0.1":    false,
		"http://example.com/#@127.0.0.1":        false,
		"http://localhоst/":                     false, // a Cyrillic letter
		"http://ⓛocalhost/":                     false,
		"http://127。0。0。1/":                     false,
		"/webhooks":                             false,
		"http:///webhooks":                      false,
		"http://host.docker.internal:3000/hook": false,
	}
	for in, want := range tests {
		u, err := url.Parse(in)
		if err != nil {
			t.Errorf("url.Parse(%q): %v", in, err)
			continue
		}
		if got := address.LoopbackURL(u); got != want {
			t.Errorf("LoopbackURL(%q) = %v, want %v", in, got, want)
		}
	}
	if address.LoopbackURL(nil) {
		t.Error("LoopbackURL(nil) = true, want false")
	}
}

func TestHostPort(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://a/": "a:80", "https://a/": "a:443", "https://a:80/": "a:80", "http://[::1]/": "[::1]:80", "http://u:p@a:1/": "a:1",
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if got := address.HostPort(u); got != want {
			t.Errorf("HostPort(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzParseURL: whatever is accepted is http or https with a host, and is
// accepted again as it is printed.
func FuzzParseURL(f *testing.F) {
	for _, s := range []string{"3000", ":8080/p", "localhost:8080/p?q", "https://u:p@example.com/#f", "[::1]:1", "mailto:x", "/p", "a@b:1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		u, err := address.ParseURL(in)
		if err != nil {
			if u != nil {
				t.Errorf("ParseURL(%q) = %v with error %v, want nil", in, u, err)
			}
			return
		}
		if (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" {
			t.Errorf("ParseURL(%q) = %q, want http or https with a host", in, u)
		}
		if _, err := address.ParseURL(u.String()); err != nil {
			t.Errorf("ParseURL(%q) = %q, which it refuses: %v", in, u, err)
		}
	})
}
