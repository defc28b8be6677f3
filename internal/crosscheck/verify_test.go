package crosscheck

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A signer is a program of somebody else that signs a body as a provider does
// and returns the headers.
type signer struct {
	name string
	make func(testing.TB) func(provider string, body []byte) map[string]string
}

func signers() []signer {
	return []signer{{"openssl", opensslSigner}, {"python", pythonSigner}}
}

func opensslSigner(tb testing.TB) func(string, []byte) map[string]string {
	tb.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		missing(tb, "openssl")
	}
	mac := func(content []byte) string {
		cmd := exec.CommandContext(tb.Context(), path, "dgst", "-sha256", "-hmac", secret, "-r")
		cmd.Stdin = bytes.NewReader(content)
		out, err := cmd.Output()
		if err != nil {
			tb.Fatalf("openssl dgst: %v", err)
		}
		hex, _, _ := strings.Cut(string(out), " ")
		return hex
	}
	return func(provider string, body []byte) map[string]string {
		switch provider {
		case "canvelete":
			return map[string]string{"X-Canvelete-Signature": "sha256=" + mac(body)}
		case "loopcanvas":
			return map[string]string{"X-Signature": "sha256=" + mac(body)}
		case "generic":
			return map[string]string{"X-Webhook-Signature": mac(body)}
		}
		at := unixNow()
		return map[string]string{
			"X-Sketchpen-Signature": "sha256=" + mac(append([]byte(at+"."), body...)),
			"X-Sketchpen-Timestamp": at,
		}
	}
}

func pythonSigner(tb testing.TB) func(string, []byte) map[string]string {
	tb.Helper()
	language := interpreters()[1]
	program := language.run(tb, language.path(tb), "sign")
	return func(provider string, body []byte) map[string]string {
		answer := program.ask(tb, request{Provider: provider, Timestamp: unixNow(), Body: body})
		var headers map[string]string
		if err := json.Unmarshal([]byte(answer), &headers); err != nil {
			tb.Fatal(err)
		}
		return headers
	}
}

// unixNow is the time as a sender stamps it.
func unixNow() string { return strconv.FormatInt(time.Now().Unix(), 10) }

// bodies are payloads as the providers' documentation prints them: with spaces
// and line ends that no JSON encoder would put there.
func bodies() map[string]string {
	return map[string]string{
		"canvelete": `{
  "eventId": "evt_abc123",
  "eventType": "render.completed",
  "timestamp": "2024-01-15T10:30:00Z",
  "data": {
    "renderId": "render_xyz789",
    "designId": "design_abc123",
    "status": "completed",
    "downloadUrl": "https://cdn.canvelete.com/renders/xyz789.png",
    "metadata": {"format": "png", "width": 1080, "height": 1080, "fileSize": 245760, "renderTime": 1.2}
  }
}`,
		"loopcanvas": `{
  "id": "evt_abc123",
  "type": "canvas.completed",
  "created": 1707148800,
  "data": {
    "id": "canvas_xyz789",
    "track_id": "track_abc123",
    "status": "completed",
    "exports": {"mp4_720x1280": "https://cdn.loopcanvas.com/exports/canvas_xyz789.mp4"}
  }
}`,
		"generic": `{
  "id": "evt_abc123",
  "type": "user.created",
  "created_at": "2026-01-15T12:30:00Z",
  "data": {"id": "user_123", "name": "John Doe", "email": "john@example.com", "status": "active"}
}`,
		"sketchpen": `{
  "event": "video.completed",
  "video_id": "8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f",
  "data": {"id": "8f14e45f-ceea-467f-a0e6-1a2b3c4d5e6f", "status": "completed", "prompt": "\u2026"},
  "created_at": 1711234567
}`,
	}
}

// TestVerifyAcceptsForeignSignatures gives hooks verify what other programs
// sign, whole and spoilt.
func TestVerifyAcceptsForeignSignatures(t *testing.T) {
	t.Parallel()
	for _, s := range signers() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h, sign := newHome(t), s.make(t)
			for provider, body := range bodies() {
				headers := sign(provider, []byte(body))
				h.verify(t, provider, body, headers, secret, 0)
				h.verify(t, provider, body+"\n", headers, secret, 1)
				h.verify(t, provider, body, headers, secret+"x", 1)
			}
			for _, body := range oddBodies() {
				h.verify(t, "sketchpen", body, sign("sketchpen", []byte(body)), secret, 0)
			}
		})
	}
}

func (h home) verify(tb testing.TB, provider, body string, headers map[string]string, secret string, status int) {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "body")
	if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
		tb.Fatal(err)
	}
	args := []string{"verify", file, "--provider", provider, "--secret", secret}
	for name, value := range headers {
		flag := "--signature="
		if strings.HasSuffix(name, "-Timestamp") {
			flag = "--timestamp="
		}
		args = append(args, flag+value)
	}
	h.run(tb, "", args...).want(tb, status, args...)
}

// TestListenAcceptsForeignSignatures lets other programs sign what a listener
// receives. It tells the providers apart by itself.
func TestListenAcceptsForeignSignatures(t *testing.T) {
	t.Parallel()
	for _, s := range signers() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			sign := s.make(t)
			listener := newHome(t).listen(t)
			for provider, body := range bodies() {
				headers := sign(provider, []byte(body))
				listener.post(t, provider, body, headers, http.StatusOK, "verified")
				listener.post(t, provider, body+"\n", headers, http.StatusUnauthorized, "invalid")
			}
			listener.stop(t)
		})
	}
}

// A listener is a running hooks listen.
type listener struct {
	*process
	url string
}

// listen starts a listener that knows the secret of the four providers.
func (h home) listen(tb testing.TB, args ...string) listener {
	tb.Helper()
	args = append([]string{"listen", "127.0.0.1:0", "--json"}, args...)
	for provider := range bodies() {
		args = append(args, "--secret", provider+"="+secret)
	}
	p := start(tb, h.env, h.path, args...)
	ready := decode(tb, p.line(tb))
	if ready.Kind != "ready" || ready.URL == "" {
		tb.Fatalf("hooks listen: first line %+v, want a ready line", ready)
	}
	return listener{p, ready.URL}
}

// post delivers to the listener, and reads what it answers and says of it.
func (l listener) post(tb testing.TB, provider, body string, headers map[string]string, status int, verdict string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url+"/hook", strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatalf("post: %v\n%s", err, l.said)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != status {
		tb.Errorf("%s: answered %d, want %d", provider, resp.StatusCode, status)
	}
	d := decode(tb, l.line(tb))
	if d.Kind != "delivery" || d.Provider != provider || d.Verification.Status != verdict || string(d.bytes(tb)) != body {
		tb.Errorf("%s: the listener saw %+v, want %s", provider, d, verdict)
	}
}

// stop ends the listener as a person does, and expects it to call that a
// success. Windows has no such signal to send.
func (l listener) stop(tb testing.TB) {
	tb.Helper()
	if runtime.GOOS == "windows" {
		return
	}
	if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		tb.Fatal(err)
	}
	for l.lines.Scan() { // to the end of its output, before Wait closes it
	}
	if err := l.cmd.Wait(); err != nil {
		tb.Errorf("hooks listen after SIGTERM: %v\n%s", err, l.said)
	}
}
