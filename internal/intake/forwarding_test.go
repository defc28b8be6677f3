package intake

import "testing"

func TestForwarding(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"Forwarded": true, "X-Forwarded-For": true, "X-Forwarded-User": true, "X-Forwarded-Client-Cert": true,
		"X_forwarded_for": true, "X-Forwarded_host": true, "x-forwarded-proto": true,
		"": false, "X": false, "X-": false, "X-Forward": false, "X-Forwarded": false, "Forwarded-For": false,
		"Xforwarded-For": false, "X-Forwardedx": false, "Hooks-Forwarded": false, "X-Original-Url": false,
	} {
		if got := Forwarding(name); got != want {
			t.Errorf("Forwarding(%q) = %v", name, got)
		}
	}
}
