package safetext_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext"
)

func TestSensitive(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Authorization", "authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "X-Gitlab-Token",
		"X-Telegram-Bot-Api-Secret-Token", "Buildkite-Token", "X-Hook-Secret", "X_Auth_Token", "X-Auth-Key",
		"X-Amz-Security-Token", "X-Csrf-Token", "Apikey", "Shippo-Auth", "AuthToken", "X-Accesstoken", "Authentication",
	} {
		if !safetext.Sensitive(name) {
			t.Errorf("Sensitive(%q) = false", name)
		}
	}
	for _, name := range []string{
		"", "-", "Content-Type", "X-Canvelete-Signature", "Idempotency-Key", "X-Event-Key", "Sec-Websocket-Key",
		"I-Twilio-Idempotency-Token", "Host", "X-Keynote", "Token-Count", "Monkey",
	} {
		if safetext.Sensitive(name) {
			t.Errorf("Sensitive(%q) = true", name)
		}
	}
}

func TestMaskHeader(t *testing.T) {
	t.Parallel()
	in := http.Header{
		"Authorization":  {"Bearer abc123", "raw456"},
		"X-Api-Key":      {"key 789"},
		"Content-Type":   {"application/json"},
		"X-Hook-Secret":  {},
		"X-Custom-Token": {""},
	}
	got, names := safetext.MaskHeader(in)
	want := http.Header{
		"Authorization":  {"Bearer " + safetext.Masked, safetext.Masked},
		"X-Api-Key":      {safetext.Masked},
		"Content-Type":   {"application/json"},
		"X-Hook-Secret":  {},
		"X-Custom-Token": {safetext.Masked},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("MaskHeader = %v, want %v", got, want)
	}
	if want := []string{"Authorization", "X-Api-Key", "X-Custom-Token"}; !reflect.DeepEqual(names, want) {
		t.Errorf("names = %v, want %v", names, want)
	}
	if in["Authorization"][0] != "Bearer abc123" {
		t.Error("MaskHeader changed what it was given")
	}
	if _, names := safetext.MaskHeader(nil); names != nil {
		t.Errorf("names of nothing = %v", names)
	}
}

func TestCleanURL(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain", "https://example.com/a?b=c#d", "https://example.com/a?b=c#d"},
		{"empty", "", ""},
		{"path-only", "/webhooks/canvelete?x=1", "/webhooks/canvelete?x=1"},
		{"user", "https://u:p@example.com/", "https://…@example.com/"},
		{"two-ats", "https://u@p@example.com", "https://…@example.com"},
		{"at-in-path", "https://example.com/@user", "https://example.com/@user"},
		{"at-in-query", "https://example.com?a=u@x", "https://example.com?a=u@x"},
		{"token", "http://h/p?token=abc&x=1", "http://h/p?token=…&x=1"},
		{"camel", "http://h/p?accessToken=abc&clientSecret=d;API_KEY=e", "http://h/p?accessToken=…&clientSecret=…;API_KEY=…"},
		{"cloud", "http://h/?X-Amz-Signature=a&X-Amz-Credential=b&X-Amz-Date=c", "http://h/?X-Amz-Signature=…&X-Amz-Credential=…&X-Amz-Date=c"},
		{"fragment", "http://h/#access_token=abc&state=x", "http://h/#access_token=…&state=x"},
		{"escaped-name", "http://h/?my%5Btoken%5D=abc", "http://h/?my%5Btoken%5D=…"},
		{"escaped-letters", "http://h/?%74oken=abc&access%5Ftok%65n=d&%zz=e", "http://h/?%74oken=…&access%5Ftok%65n=…&%zz=e"},
		{"no-value", "http://h/?token&key=", "http://h/?token&key="},
		{"page", "http://h/?page_token=3", "http://h/?page_token=3"},
		{"equals-in-value", "http://h/?sig=a=b&c=d", "http://h/?sig=…&c=d"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := safetext.CleanURL(tt.in); got != tt.want {
				t.Errorf("CleanURL(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

// FuzzCleanURL: cleaning is done at once, and no credential survives it.
func FuzzCleanURL(f *testing.F) {
	f.Add("https://u:p@example.com/p?token=abc&x=%zz#sig=1")
	f.Add("//a@b@c?%")
	f.Fuzz(func(t *testing.T, in string) {
		once := safetext.CleanURL(in)
		if twice := safetext.CleanURL(once); twice != once {
			t.Errorf("CleanURL(%q) = %q, again %q", in, once, twice)
		}
		if strings.ContainsAny(in, "/?#&;@=%") {
			return
		}
		canary := "c4n4ry"
		for _, url := range []string{
			"https://" + in + canary + "@example.com/", "http://h/?token=" + in + canary, "http://h/#" + "x&api_key=" + canary + in,
		} {
			if got := safetext.CleanURL(url); strings.Contains(got, canary) {
				t.Errorf("CleanURL(%q) = %q", url, got)
			}
		}
	})
}
