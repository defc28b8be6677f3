package render_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/safetext/safetexttest"
	"github.com/hooks-cli/hooks/internal/webhook"
)

var now = time.Date(2026, 11, 21, 14, 3, 8, 0, time.UTC)

const lorem = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et " +
	"dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut aliquip ex ea " +
	"commodo consequat. Duis aute irure dolor in reprehenderit in voluptate velit esse cillum dolore eu fugiat nulla."

func verified() *webhook.Delivery {
	return &webhook.Delivery{
		ID: "dlv_01kakq3k8v5x2m9n4p6r8t0w1y", Direction: webhook.Received,
		EventID: "evt_abc123", EventType: "render.completed", Provider: "canvelete",
		ReceivedAt: now.Add(-3 * time.Second), Method: "POST", URL: "http://127.0.0.1:3000/webhooks/canvelete",
		Path: "/webhooks/canvelete", Proto: "HTTP/1.1", RemoteAddr: "127.0.0.1:51234",
		Header: http.Header{
			"Authorization":         {"Bearer c4n4ry"},
			"Content-Type":          {"application/json"},
			"User-Agent":            {"Canvelete-Webhooks/1.0"},
			"X-Canvelete-Signature": {"sha256=3f2a1b9c8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a"},
			"X-Empty":               {""},
		},
		Body: []byte(`{"eventId":"evt_abc123","eventType":"render.completed","timestamp":"2026-11-21T14:03:05Z",` +
			`"data":{"renderId":"rnd_1","output":{"url":"https://cdn.example.com/renders/2026/11/21/rnd_1/final-version.png?width=1920&height=1080","formats":["png","webp"]},` +
			`"size":1.50e3,"ok":true,"error":null,"meta":{},"tags":[],"caption":"` + lorem + `"}}`),
		Verification: webhook.Verification{Status: webhook.Verified, Scheme: "hmac-sha256", SecretName: "development"},
		Attempts: []webhook.Attempt{{
			Number: 1, URL: "http://127.0.0.1:4000/webhooks/canvelete", At: now.Add(-3 * time.Second), Duration: 3100 * time.Microsecond,
			Response: &webhook.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(`{"received":true}`)},
		}},
		Response: &webhook.Response{Status: 200},
	}
}

// changed means the same in other bytes, as a proxy makes it.
func changed() *webhook.Delivery {
	d := verified()
	d.Body = bytes.ReplaceAll(d.Body, []byte(":"), []byte(": "))
	d.Body = bytes.ReplaceAll(d.Body, []byte(": //"), []byte("://"))
	d.Body = bytes.ReplaceAll(d.Body, []byte("03: 05"), []byte("03:05"))
	d.Body = bytes.ReplaceAll(d.Body, []byte("14: 03"), []byte("14:03"))
	return d
}

func invalid() *webhook.Delivery {
	d := verified()
	d.ID, d.EventID, d.EventType = "dlv_01kakq3k8v5x2m9n4p6r8t0w2z", "evt_def456", "design.created"
	d.ReceivedAt = now.Add(-26 * time.Hour)
	d.Body = []byte(`{"eventId": "evt_def456", "data": [[1, 2], {"a": "b"}`)
	d.Verification = webhook.Verification{Status: webhook.Invalid, Reason: webhook.SignatureMismatch, Scheme: "hmac-sha256"}
	d.Attempts, d.Response = nil, &webhook.Response{Status: 401}
	return d
}

func sentTwice() *webhook.Delivery {
	d := verified()
	d.ID, d.Direction, d.Response = "dlv_01kakq3k8v5x2m9n4p6r8t0w3a", webhook.Sent, nil
	d.URL, d.Verification = "http://user:secret@127.0.0.1:3000/webhooks/canvelete?token=abc", webhook.Verification{}
	d.Attempts = []webhook.Attempt{
		{Number: 1, URL: d.URL, At: now.Add(-2 * time.Minute), Duration: 900 * time.Microsecond, Err: "dial 127.0.0.1:3000: connection refused"},
		{Number: 2, URL: d.URL, At: now.Add(-time.Minute), Duration: 2400 * time.Millisecond, Response: &webhook.Response{
			Status: 503, Header: http.Header{"Content-Type": {"text/html"}, "Retry-After": {"120"}}, Body: []byte("<h1>Service Unavailable</h1>\n"),
		}},
	}
	return d
}

func form() *webhook.Delivery {
	d := verified()
	d.ID, d.Provider, d.EventType, d.EventID = "dlv_01kakq3k8v5x2m9n4p6r8t0w4b", "slack", "", ""
	d.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	d.Body = []byte("token=c4n4ry&command=%2Fweather&text=94070+now&payload=%7B%22type%22%3A%22block_actions%22%2C%22n%22%3A1%7D&empty=")
	d.Verification = webhook.Verification{Status: webhook.Unverified, Reason: webhook.SecretUnknown}
	d.Attempts, d.DuplicateOf = nil, "dlv_01kakq3k8v5x2m9n4p6r8t0w1y"
	return d
}

func binary() *webhook.Delivery {
	d := verified()
	d.ID, d.Provider, d.EventType, d.EventID = "dlv_01kakq3k8v5x2m9n4p6r8t0w5c", "", "", ""
	d.Header = http.Header{"Content-Type": {"application/octet-stream"}}
	d.Body = []byte{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n', 0, 0, 0, 0x0d, 'I', 'H', 'D', 'R', 0xff, 0x1b, '[', '2', 'J'}
	d.Verification = webhook.Verification{Status: webhook.Unverified, Reason: webhook.ProviderUnknown}
	d.Attempts = nil
	return d
}

func compressed() *webhook.Delivery {
	d := verified()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(`{"id":"evt_1","type":"order.created"}`))
	_ = w.Close()
	d.Header.Set("Content-Encoding", "gzip")
	d.Header.Del("Authorization")
	d.Body, d.Attempts = b.Bytes(), nil
	return d
}

// attack carries a sequence in each place where it shows.
func attack() *webhook.Delivery {
	d := verified()
	attacks := safetexttest.Attacks()
	d.ID, d.Provider, d.EventType, d.EventID = "dlv_\x1b[2J", attacks[0].Text, attacks[10].Text, "evt\r\n"+attacks[20].Text
	d.Header = http.Header{"X-" + attacks[30].Text: {attacks[40].Text, attacks[50].Text}}
	d.Body = []byte("{\"a" + attacks[53].Text + "\": \"" + attacks[55].Text + "\"}")
	d.Verification = webhook.Verification{Status: webhook.Invalid, Reason: "made\x1bup", Scheme: attacks[1].Text}
	d.Attempts[0].Err, d.Attempts[0].Response = attacks[15].Text, nil
	d.Redacted = []string{attacks[2].Text}
	return d
}

func samples() []*webhook.Delivery {
	return []*webhook.Delivery{verified(), invalid(), sentTwice(), form(), binary(), attack()}
}

func verdicts() []webhook.Verification {
	out := []webhook.Verification{
		{Status: webhook.Verified, Scheme: "hmac-sha256", SecretName: "canvelete (previous)"},
		{Status: webhook.Verified, Scheme: "ed25519"},
		{Status: webhook.Unsigned, Reason: webhook.SignatureMissing},
		{},
	}
	for _, r := range []webhook.Reason{
		webhook.SignatureMismatch, webhook.SignatureMalformed, webhook.TimestampMissing, webhook.TimestampMalformed,
		webhook.TimestampExpired, webhook.TimestampFuture,
	} {
		out = append(out, webhook.Verification{Status: webhook.Invalid, Reason: r, Scheme: "hmac-sha256"})
	}
	for _, r := range []webhook.Reason{webhook.SecretUnknown, webhook.ProviderUnknown} {
		out = append(out, webhook.Verification{Status: webhook.Unverified, Reason: r})
	}
	return out
}

func loadReport() deliver.Report {
	l := deliver.Latencies{
		Min: 400 * time.Microsecond, Mean: time.Millisecond, P50: 900 * time.Microsecond, P90: 1800 * time.Microsecond,
		P95: 2200 * time.Microsecond, P99: 3900 * time.Microsecond, P999: 8 * time.Millisecond, Max: 8100 * time.Microsecond,
	}
	return deliver.Report{
		Planned: 1000, Sent: 1000, Answered: 1000, Accepted: 1000, Statuses: map[int]int{200: 1000}, Connected: true,
		Elapsed: 2001 * time.Millisecond, Latency: l, Service: l,
	}
}

func brokenLoad() deliver.Report {
	r := loadReport()
	r.Planned, r.Sent, r.NotSent, r.Answered, r.Accepted, r.Lost = 30000, 29990, 10, 29983, 29982, 7
	r.Statuses = map[int]int{200: 29982, 503: 1}
	r.Errors = map[deliver.Kind]int{"connection_reset": 7}
	r.Texts = map[deliver.Kind]string{"connection_reset": "read tcp 127.0.0.1:4000: connection reset by peer"}
	r.LostIDs = []string{"evt_1", "evt_2", "evt_3", "evt_4", "evt_5", "evt_6", "evt_7"}
	r.Latency.P99, r.Latency.Max = 1200*time.Millisecond, 2500*time.Millisecond
	r.Elapsed = 61 * time.Second
	return r
}
