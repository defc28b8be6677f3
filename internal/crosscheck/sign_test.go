package crosscheck

import (
	"bufio"
	"bytes"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An event is one of the 28 that the four documented providers send.
type event struct{ provider, name string }

// events lists them in the order of the providers' documentation. It is
// written out here, and not asked of the program, so that one which went
// missing there is missed.
func events() []event {
	var all []event
	for _, p := range []struct{ provider, names string }{
		{"canvelete", `render.completed render.failed design.created design.updated design.deleted
			export.completed subscription.updated`},
		{"loopcanvas", `track.analyzed track.analysis_failed canvas.completed canvas.failed video.completed
			video.failed render.started render.progress render.completed render.failed`},
		{"generic", `user.created user.updated user.deleted project.created project.updated project.deleted
			file.uploaded payment.succeeded payment.failed`},
		{"sketchpen", `video.completed video.failed`},
	} {
		for name := range strings.FieldsSeq(p.names) {
			all = append(all, event{p.provider, name})
		}
	}
	return all
}

// TestSignaturesAreAccepted gives what hooks signs to the verification
// functions that the providers document.
func TestSignaturesAreAccepted(t *testing.T) {
	t.Parallel()
	if n := len(events()); n != 28 {
		t.Fatalf("%d events, want 28", n)
	}
	h := newHome(t)
	var requests []request
	for _, e := range events() {
		sent := h.dryRun(t, e)
		requests = append(requests, sent, h.sign(t, e.provider, sent.Body))
	}
	for _, body := range oddBodies() {
		requests = append(requests, h.sign(t, "sketchpen", []byte(body)), h.sign(t, "canvelete", []byte(body)))
	}
	for _, language := range interpreters() {
		t.Run(language.name, func(t *testing.T) {
			t.Parallel()
			check := language.run(t, language.path(t), "check")
			for _, r := range requests {
				if got := check.ask(t, r); got != "true" {
					t.Errorf("%s: %q signed with %v is refused: %s", r.Provider, r.Body, r.Headers, got)
				}
				r.Body = append(bytes.Clone(r.Body), ' ')
				if got := check.ask(t, r); got != "false" {
					t.Errorf("%s: %q signed with %v is accepted with a byte more: %s", r.Provider, r.Body, r.Headers, got)
				}
			}
		})
	}
}

// oddBodies are bodies that a careless sender would not sign as they are.
func oddBodies() []string {
	return []string{
		"",
		"not JSON",
		"{\r\n  \"eventType\": \"a.b\"\r\n}\r\n",
		"\xef\xbb\xbf{\"eventType\":\"a.b\"}",
		"{\"name\":\"Zo\u00eb \\u00eb \xff\xfe\"}",
		"{\"n\":1e400, \"n\":-0, \"deep\":" + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + "}",
		strings.Repeat("0123456789abcdef", 1<<14),
	}
}

// dryRun returns the request that send would make.
func (h home) dryRun(tb testing.TB, e event) request {
	tb.Helper()
	args := []string{"send", "--dry-run", "--json", "--provider", e.provider, "--event", e.name, "--secret", secret}
	r := h.run(tb, "", args...)
	r.want(tb, 0, args...)
	d := decode(tb, r.stdout)
	if d.EventType != e.name || d.Provider != e.provider {
		tb.Fatalf("hooks %q made %s %s", args, d.Provider, d.EventType)
	}
	return request{Provider: e.provider, Headers: lowerNames(d.Headers), Body: d.bytes(tb)}
}

// sign returns the request that sends body with the headers that sign prints.
func (h home) sign(tb testing.TB, provider string, body []byte) request {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "body")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		tb.Fatal(err)
	}
	args := []string{"sign", file, "--provider", provider, "--secret", secret}
	r := h.run(tb, "", args...)
	r.want(tb, 0, args...)
	header, err := textproto.NewReader(bufio.NewReader(strings.NewReader(r.stdout + "\r\n"))).ReadMIMEHeader()
	if err != nil {
		tb.Fatalf("hooks %q printed no headers: %v\n%s", args, err, r.stdout)
	}
	lower := make(map[string]string)
	for name := range header {
		lower[strings.ToLower(name)] = header.Get(name)
	}
	return request{Provider: provider, Headers: lower, Body: body}
}

// TestAppsAcceptDeliveries sends every event to a real Express and a real
// Flask app, and one spoilt delivery a provider, which they refuse.
func TestAppsAcceptDeliveries(t *testing.T) {
	t.Parallel()
	for _, language := range interpreters() {
		t.Run(language.name, func(t *testing.T) {
			t.Parallel()
			urls := language.addresses(t)
			h := newHome(t)
			spoilt := map[string]bool{}
			for _, e := range events() {
				h.deliver(t, e, urls[e.provider])
				if !spoilt[e.provider] {
					spoilt[e.provider] = true
					h.deliverSpoilt(t, e, urls[e.provider])
				}
			}
		})
	}
}

func (h home) deliver(tb testing.TB, e event, url string) {
	tb.Helper()
	args := []string{"send", url, "--json", "--provider", e.provider, "--event", e.name, "--secret", secret}
	r := h.run(tb, "", args...)
	r.want(tb, 0, args...)
	d := decode(tb, r.stdout)
	if !d.Delivered || len(d.Attempts) != 1 || d.Attempts[0].Status != 200 || d.Attempts[0].Response.Body != "OK "+e.name {
		tb.Errorf("hooks %q: the app did not take it:\n%s", args, r.stdout)
	}
}

func (h home) deliverSpoilt(tb testing.TB, e event, url string) {
	tb.Helper()
	for _, what := range []string{"body", "signature", "secret"} {
		args := []string{
			"send", url, "--json", "--provider", e.provider, "--event", e.name, "--secret", secret, "--tamper", what,
		}
		r := h.run(tb, "", args...)
		r.want(tb, 1, args...)
		d := decode(tb, r.stdout)
		if d.Delivered || len(d.Attempts) != 1 || d.Attempts[0].Status != 401 {
			tb.Errorf("hooks %q: the app did not refuse it:\n%s", args, r.stdout)
		}
	}
}

// TestCurlDelivers hands what hooks prints for curl to a real curl, and that to
// a real app: the line of --dry-run, and the headers of sign.
func TestCurlDelivers(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		missing(t, "curl")
	}
	if _, err := exec.LookPath("sh"); err != nil {
		missing(t, "sh")
	}
	urls := interpreters()[0].addresses(t)
	h := newHome(t)
	for _, e := range []event{
		{"canvelete", "design.created"},
		{"loopcanvas", "canvas.completed"},
		{"generic", "user.created"},
		{"sketchpen", "video.failed"},
	} {
		args := []string{
			"send", urls[e.provider], "--dry-run", "--format", "curl",
			"--provider", e.provider, "--event", e.name, "--secret", secret,
		}
		r := h.run(t, "", args...)
		r.want(t, 0, args...)
		h.curl(t, e, t.TempDir(), r.stdout)

		dir, body := t.TempDir(), h.dryRun(t, e).Body
		if err := os.WriteFile(filepath.Join(dir, "body"), body, 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{"sign", filepath.Join(dir, "body"), "--provider", e.provider, "--secret", secret}
		r = h.run(t, "", args...)
		r.want(t, 0, args...)
		if err := os.WriteFile(filepath.Join(dir, "headers"), []byte(r.stdout), 0o600); err != nil {
			t.Fatal(err)
		}
		h.curl(t, e, dir, "curl -H @headers -H 'Content-Type: application/json' --data-binary @body "+urls[e.provider])
	}
}

// curl runs a line of shell and expects the app's word for an event.
func (h home) curl(tb testing.TB, e event, dir, line string) {
	tb.Helper()
	out, err := h.shell(tb, dir, line).Output()
	if err != nil || string(out) != "OK "+e.name {
		tb.Errorf("%s\nprints %q, %v, want the app's OK", line, out, err)
	}
}
