package provider_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// shown are the bodies that the providers' own documentation shows. A sample
// has their names in their order, their types, and their spelling of times and
// ids.
func shown() map[string]string {
	return map[string]string{
		"canvelete render.completed":  `{"eventId":"evt_abc123","eventType":"render.completed","timestamp":"2024-01-15T10:30:00Z","data":{"renderId":"render_xyz789","designId":"design_abc123","status":"completed","downloadUrl":"https://cdn.canvelete.com/renders/xyz789.png","metadata":{"format":"png","width":1080,"height":1080,"fileSize":245760,"renderTime":1.2}}}`,
		"canvelete render.failed":     `{"eventId":"evt_def456","eventType":"render.failed","timestamp":"2024-01-15T10:31:00Z","data":{"renderId":"render_failed123","designId":"design_abc123","status":"failed","error":{"code":"RENDER_TIMEOUT","message":"Render exceeded maximum time limit"}}}`,
		"canvelete design.created":    `{"eventId":"evt_ghi789","eventType":"design.created","timestamp":"2024-01-15T10:32:00Z","data":{"designId":"design_new123","name":"New Design","width":1920,"height":1080,"createdBy":"user_abc123"}}`,
		"loopcanvas canvas.completed": `{"id":"evt_abc123","type":"canvas.completed","created":1707148800,"data":{"id":"canvas_xyz789","track_id":"track_abc123","status":"completed","exports":{"mp4_720x1280":"https://cdn.loopcanvas.com/exports/canvas_xyz789.mp4"}}}`,
		"generic user.created":        `{"id":"evt_abc123","type":"user.created","created_at":"2026-01-15T12:30:00Z","data":{"id":"user_123","name":"John Doe","email":"john@example.com","status":"active"}}`,
		"sketchpen video.completed":   `{"event":"video.completed","video_id":"3f0c7d1e-9a41-4f6c-8f55-0c3d1c8a7e11","data":{"id":"3f0c7d1e-9a41-4f6c-8f55-0c3d1c8a7e11","status":"completed","prompt":"Explain how photosynthesis works","video_url":"https://...","audio_url":"https://...","thumbnail_url":"https://...","created_at":"2024-01-01T00:00:00.000000","updated_at":"2024-01-01T00:00:05.000000"},"created_at":1711234567}`,
	}
}

// shape reduces a body to what does not change from one event to the next.
func shape(body []byte) string {
	for _, r := range []struct{ pattern, with string }{
		{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "UUID"},
		{`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"`, `"RFC3339"`},
		{`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}"`, `"LOCAL"`},
		{`"(created|created_at)":\d{10}`, `"$1":UNIX`},
		{`"(evt|render|design|user|canvas|track)_[a-z0-9]+"`, `"$1_ID"`},
		{`"https://[^"]*"`, `"URL"`},
	} {
		body = regexp.MustCompile(r.pattern).ReplaceAll(body, []byte(r.with))
	}
	return string(body)
}

func TestSamplesAreWhatTheDocumentationShows(t *testing.T) {
	t.Parallel()
	c := load(t)
	for name, want := range shown() {
		id, event, _ := strings.Cut(name, " ")
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		ev, err := p.Build(provider.BuildOptions{Type: event, At: at})
		if err != nil {
			t.Fatal(err)
		}
		if got := shape(ev.Body); got != shape([]byte(want)) {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, shape([]byte(want)))
		}
		if e, _ := p.Event(event); e.Synthetic || e.Source == "" {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestTheFourSendTheirEvents, 28 in all, each with a sample that says which of
// them are not the provider's own.
func TestTheFourSendTheirEvents(t *testing.T) {
	t.Parallel()
	c := load(t)
	for id, want := range map[string]string{
		"canvelete":  "render.completed render.failed design.created design.updated design.deleted export.completed subscription.updated",
		"loopcanvas": "track.analyzed track.analysis_failed canvas.completed canvas.failed video.completed video.failed render.started render.progress render.completed render.failed",
		"generic":    "user.created user.updated user.deleted project.created project.updated project.deleted file.uploaded payment.succeeded payment.failed",
		"sketchpen":  "video.completed video.failed",
	} {
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range p.Events {
			got = append(got, e.Type)
			if e.Summary == "" || e.Synthetic == (e.Source != "") {
				t.Errorf("%s %s: %+v", id, e.Type, e)
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s sends %v", id, got)
		}
	}
}

// TestTheFourDeliver as their documentation says; what it does not say is
// marked.
func TestTheFourDeliver(t *testing.T) {
	t.Parallel()
	c := load(t)
	m := time.Minute
	for id, want := range map[string]struct {
		path     string
		timeout  time.Duration
		schedule []time.Duration
		assumed  []string
	}{
		"canvelete":  {"/webhooks/canvelete", 30 * time.Second, []time.Duration{0, m, 5 * m, 30 * m, 120 * m}, []string{}},
		"loopcanvas": {"/webhooks/loopcanvas", 30 * time.Second, []time.Duration{0, m, 5 * m, 30 * m, 120 * m}, []string{}},
		"generic":    {"/webhook", 30 * time.Second, []time.Duration{0, m / 2, 5 * m, 30 * m, 120 * m}, []string{"timeout", "success"}},
		"sketchpen":  {"/webhook", 30 * time.Second, []time.Duration{0, m, 2 * m, 4 * m}, []string{"timeout", "schedule"}},
	} {
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		d := p.Delivery
		if d.Path != want.path || d.Timeout != want.timeout || !slices.Equal(d.Schedule, want.schedule) || !slices.Equal(d.Assumed, want.assumed) {
			t.Errorf("%s: %+v", id, d)
		}
		if !d.Succeeds(204) || d.Succeeds(302) || d.Stops(500) {
			t.Errorf("%s: success %v, stop %v", id, d.Success, d.Stop)
		}
		spec := p.Schemes()[0].Spec()
		if id == "sketchpen" != (spec.Timestamp.Unit.Assumed && spec.Timestamp.Tolerance.Assumed) {
			t.Errorf("%s: timestamp %+v", id, spec.Timestamp)
		}
	}
}

// TestEventsWithoutID: Sketchpen's have none, and none can be asked for.
func TestEventsWithoutID(t *testing.T) {
	t.Parallel()
	p, err := load(t).Get("sketchpen")
	if err != nil {
		t.Fatal(err)
	}
	ev, err := p.Build(provider.BuildOptions{Type: "video.failed", At: at})
	if err != nil || ev.ID != "" || p.Describe(message(p, ev)).EventID != "" {
		t.Errorf("%+v, %v", ev, err)
	}
	if _, err := p.Build(provider.BuildOptions{Type: "video.failed", At: at, ID: "evt_1"}); err == nil {
		t.Error("an id can be given to an event that has none")
	}
}

func TestAsked(t *testing.T) {
	t.Parallel()
	c := load(t)
	seed := int64(3)
	for _, id := range []string{"canvelete", "loopcanvas", "generic"} {
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		ev, err := p.Build(provider.BuildOptions{Type: p.Events[0].Type, ID: "evt_mine", At: at, Seed: &seed})
		if err != nil || ev.ID != "evt_mine" || !strings.Contains(string(ev.Body), `"evt_mine"`) {
			t.Errorf("%s: %+v, %v", id, ev, err)
		}
		if !json.Valid(ev.Body) || bytes.ContainsAny(ev.Body, "\n") {
			t.Errorf("%s: %s", id, ev.Body)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	p, err := load(t).Get("loopcanvas")
	if err != nil {
		t.Fatal(err)
	}
	info := p.Describe(&scheme.Message{Body: []byte("\xef\xbb\xbf" + `{"ID":"no","id":"a","id":"b","type":"t","created":1707148800,"__proto__":{"id":"c"}}`)})
	if info.EventID != "b" || info.EventType != "t" || info.CreatedAt.Unix() != 1707148800 {
		t.Errorf("Describe = %+v", info)
	}
	if len(info.Ambiguous) != 1 || info.Ambiguous[0].First != "a" || info.Ambiguous[0].Last != "b" || info.Ambiguous[0].Path != "$.id" {
		t.Errorf("Ambiguous = %+v", info.Ambiguous)
	}
	if got := p.Order(&scheme.Message{Body: []byte(`{"created":5}`)}); got.Unix() != 5 {
		t.Errorf("Order = %v", got)
	}
	if info := p.Describe(&scheme.Message{Body: []byte("id=1&type=x")}); info.EventID != "" || info.EventType != "" || !info.CreatedAt.IsZero() {
		t.Errorf("of a form: %+v", info)
	}
}

// TestSecrets are made in the provider's form, and from one master always the
// same, another for each kind.
func TestSecrets(t *testing.T) {
	t.Parallel()
	c := load(t)
	master := []byte("0123456789abcdef0123456789abcdef")
	for id, pattern := range map[string]string{"canvelete": `^[A-Za-z0-9]{32}$`, "generic": `^whsec_[A-Za-z0-9]{32}$`, "sketchpen": `^whsec_[A-Za-z0-9]{32}$`} {
		p, err := c.Get(id)
		if err != nil {
			t.Fatal(err)
		}
		f := p.SecretForm()
		a, err1 := f.Derive(master)
		b, err2 := f.Derive(master)
		fresh, err3 := f.New()
		if err1 != nil || err2 != nil || err3 != nil {
			t.Fatal(err1, err2, err3)
		}
		if a.Reveal() != b.Reveal() || a.Reveal() == fresh.Reveal() {
			t.Errorf("%s: derived %q and %q, new %q", id, a.Reveal(), b.Reveal(), fresh.Reveal())
		}
		for _, s := range []safetext.Secret{a, fresh} {
			if !regexp.MustCompile(pattern).MatchString(s.Reveal()) {
				t.Errorf("%s: %q", id, s.Reveal())
			}
		}
		if _, err := f.Derive(master[:8]); err == nil {
			t.Errorf("%s: a short master will do", id)
		}
	}
}

// TestSecretsOfEveryKind can be made and taken back.
func TestSecretsOfEveryKind(t *testing.T) {
	t.Parallel()
	for _, spec := range []string{
		"algorithm: hmac-sha256, secret: {encoding: base64, prefix: whsec_}", "algorithm: hmac-sha512, secret: {encoding: hex}",
		"algorithm: hmac-sha1, secret: {encoding: base64url}", "algorithm: basic", "algorithm: token", "algorithm: ed25519",
		"algorithm: ecdsa-p256-sha256", "algorithm: ecdsa-p384-sha384", "algorithm: ecdsa-p521-sha512", "algorithm: rsa-sha256, secret: {fields: [webhook_id]}",
	} {
		c := load(t, provider.Source{Name: "x", Data: []byte("id: x\nschemes: [{" + spec + ", signature: {in: header:X-S}}]\n")})
		p, err := c.Get("x")
		if err != nil {
			t.Fatal(err)
		}
		f := p.SecretForm()
		secret, err := f.New()
		if err != nil {
			t.Fatalf("%s: %v", spec, err)
		}
		if keys, err := p.Keys(secret); err != nil || len(keys) != 1 || !keys[0].CanSign() {
			t.Errorf("%s: its own secret is refused: %v", spec, err)
		}
		master := []byte("0123456789abcdef")
		a, err := f.Derive(master)
		if strings.Contains(spec, "rsa") {
			if err == nil {
				t.Errorf("%s: an RSA key was derived", spec)
			}
			continue
		}
		b, _ := f.Derive(master)
		if err != nil || a.Reveal() != b.Reveal() {
			t.Errorf("%s: Derive is not the same twice: %v", spec, err)
		}
	}
}
