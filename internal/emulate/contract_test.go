package emulate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// curl runs a command of a provider's documentation, its host replaced.
func (r *rig) curl(command string, replace ...string) answer {
	r.t.Helper()
	d, err := httptext.Parse([]byte(strings.NewReplacer(replace...).Replace(command)))
	if err != nil {
		r.t.Fatal(err)
	}
	var header []string
	for name, values := range d.Header {
		if name != "Host" && name != "Content-Length" {
			header = append(header, name+": "+values[0])
		}
	}
	return r.call(d.Method, d.Path, string(d.Body), header...)
}

// sameShape fails the test unless got has the fields and types of the example,
// and no others but those named in more.
func sameShape(t *testing.T, got, example string, more ...string) {
	t.Helper()
	var a, b any
	if json.Unmarshal([]byte(got), &a) != nil || json.Unmarshal([]byte(example), &b) != nil {
		t.Fatalf("not JSON: %s or %s", got, example)
	}
	shape(t, "$", a, b, more)
}

func shape(t *testing.T, path string, got, want any, more []string) {
	t.Helper()
	if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
		t.Errorf("%s is %T, the documentation has %T", path, got, want)
		return
	}
	switch want := want.(type) {
	case map[string]any:
		got := got.(map[string]any)
		for name, w := range want {
			if g, ok := got[name]; ok {
				shape(t, path+"."+name, g, w, more)
			} else {
				t.Errorf("%s.%s is missing", path, name)
			}
		}
		for name := range got {
			if _, ok := want[name]; !ok && !slices.Contains(more, path+"."+name) {
				t.Errorf("%s.%s is not in the documentation", path, name)
			}
		}
	case []any:
		for i, g := range got.([]any) {
			shape(t, fmt.Sprintf("%s[%d]", path, i), g, want[min(i, len(want)-1)], more)
		}
	case string:
		if isTime := regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`).MatchString; isTime(want) && !isTime(got.(string)) {
			t.Errorf("%s = %q, the documentation has %q", path, got, want)
		}
		if prefix, _, ok := strings.Cut(want, "_"); ok && !strings.Contains(want, "/") && !strings.HasPrefix(got.(string), prefix+"_") {
			t.Errorf("%s = %q, the documentation has %q", path, got, want)
		}
	}
}

// The documentation of the generic API, from the first example to the last.
func TestGenericContract(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t, 200, 500)
	got := r.want(201, "POST", "/v1/webhooks", `{
		"url": "`+a.URL+`/webhook",
		"events": ["user.created", "user.updated", "project.created"],
		"secret": "whsec_abc123...",
		"active": true
	}`)
	sameShape(t, got.body, `{
		"id": "hook_123",
		"url": "https://yourapp.com/webhook",
		"events": ["user.created", "user.updated", "project.created"],
		"secret": "whsec_abc123...",
		"active": true,
		"created_at": "2026-01-15T12:00:00Z"
	}`)
	var hook genericWebhook
	got.decode(t, &hook)
	if hook.Secret != "whsec_abc123..." || !hook.Active || hook.URL != a.URL+"/webhook" || len(hook.Events) != 3 {
		t.Errorf("webhook = %+v", hook)
	}
	test := `curl -X POST https://api.example.com/v1/webhooks/hook_123/test`
	if got := r.curl(test, "hook_123", hook.ID); got.status != 200 || got.header.Get(ExtensionHeader) != "true" {
		t.Errorf("test = %d %s", got.status, got.body)
	}
	arrived := a.await(t, 1)[0]
	sameShape(t, string(arrived.body), `{"id":"evt_abc123","type":"user.created","created_at":"2026-01-15T12:30:00Z",
		"data":{"id":"user_123","name":"John Doe","email":"john@example.com","status":"active"}}`)
	r.settle()
	r.curl(test, "hook_123", hook.ID)
	r.settle()
	list := r.want(200, "GET", "/v1/webhooks/"+hook.ID+"/deliveries", "")
	sameShape(t, list.body, `{"deliveries":[
		{"id":"del_124","event_id":"evt_def","status":"failed","status_code":500,"attempts":3,"error":"Connection timeout"},
		{"id":"del_123","event_id":"evt_abc","status":"success","status_code":200,"attempts":1,"delivered_at":"2026-01-15T12:30:00Z"}
	]}`)
	if !strings.Contains(list.body, `"status":"failed","status_code":500,"attempts":1,`) || !strings.Contains(list.body, `"status":"success","status_code":200,"attempts":1,`) {
		t.Errorf("deliveries = %s", list.body)
	}
	if list.header.Get(ExtensionHeader) != "" {
		t.Error("what is documented is marked as an extension")
	}
}

// What is optional is optional, what is wrong is told, and what is not in the
// documentation is marked.
func TestGenericRest(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	var hook genericWebhook
	made := r.want(201, "POST", "/v1/webhooks", `{"url":"http://127.0.0.1:9999/","events":["user.created"],"active":false,"unknown":1}`)
	made.decode(t, &hook)
	if !regexp.MustCompile(`^whsec_[0-9A-Za-z]{32}$`).MatchString(hook.Secret) || hook.Active {
		t.Errorf("webhook = %+v", hook)
	}
	for body, field := range map[string]string{
		`{"events":["user.created"]}`:                                           "url",
		`{"url":"http://127.0.0.1:9999/"}`:                                      "events",
		`{"url":"http://127.0.0.1:9999/","events":[]}`:                          "events",
		`{"url":"http://127.0.0.1:9999/","events":["user.create"]}`:             "user.create",
		`{"url":"http://127.0.0.1:9999/","events":"user.created"}`:              "events",
		`{"url":"ftp://127.0.0.1/","events":["user.created"]}`:                  "url",
		`{"url":"http://169.254.169.254/","events":["user.created"]}`:           "allow-hosts",
		`{"url":"http://127.0.0.1:22/","events":["user.created"]}`:              "port 22",
		`{"url":"http://127.0.0.1:9999/","events":["user.created"],"active":1}`: "active",
		`[]`:  "object",
		`{`:   "object",
		`nul`: "object",
	} {
		if got := r.want(400, "POST", "/v1/webhooks", body); !strings.Contains(got.body, field) || got.header.Get(ExtensionHeader) != "true" {
			t.Errorf("POST %s = %s, want it to name %s", body, got.body, field)
		}
	}
	r.want(409, "POST", "/v1/webhooks/"+hook.ID+"/test", "")
	if got := r.want(200, "PATCH", "/v1/webhooks/"+hook.ID, `{"active":true,"events":["user.deleted"],"secret":"whsec_new"}`); got.header.Get(ExtensionHeader) != "true" ||
		!strings.Contains(got.body, `"events":["user.deleted"],"secret":"whsec_new","active":true`) {
		t.Errorf("PATCH = %s", got.body)
	}
	r.want(400, "PATCH", "/v1/webhooks/"+hook.ID, `{"url":"x"}`)
	if got := r.want(200, "GET", "/v1/webhooks", ""); !strings.HasPrefix(got.body, `{"webhooks":[{"id":"`+hook.ID) {
		t.Errorf("GET = %s", got.body)
	}
	r.want(200, "GET", "/v1/webhooks/"+hook.ID, "")
	r.want(204, "DELETE", "/v1/webhooks/"+hook.ID, "")
	for _, call := range []string{"GET ", "PATCH ", "DELETE ", "POST /test", "GET /deliveries"} {
		method, tail, _ := strings.Cut(call, " ")
		r.want(404, method, "/v1/webhooks/"+hook.ID+tail, "")
	}
}

// The documentation of Sketchpen.
func TestSketchpenContract(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t)
	const example = `{"id":"uuid","user_id":"uuid","url":"https://your-server.com/webhook","event":"video.completed",
		"secret":"whsec_abc123...","is_active":true,"created_at":"2024-01-01T00:00:00Z"}`
	made := r.curl(`curl -X POST https://api.sketchpen.app/api/v1/callbacks \
  -H "X-Api-Key: sk_live_..." \
  -H "Content-Type: application/json" \
  -d '{
    "url": "https://your-server.com/webhook",
    "event": "video.completed"
  }'`, "https://your-server.com", a.URL)
	if made.status != 201 {
		t.Fatalf("create = %d %s", made.status, made.body)
	}
	sameShape(t, made.body, example)
	var callback sketchpenCallback
	made.decode(t, &callback)
	isUUID := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString
	if !isUUID(callback.ID) || !isUUID(callback.UserID) || !callback.IsActive {
		t.Errorf("callback = %+v", callback)
	}
	list := r.curl("curl https://api.sketchpen.app/api/v1/callbacks \\\n  -H \"X-Api-Key: sk_live_...\"")
	sameShape(t, list.body, "["+example+"]")
	if list.status != 200 || !strings.Contains(list.body, callback.Secret) {
		t.Errorf("list = %d %s", list.status, list.body)
	}
	r.want(201, "POST", "/_hooks/events", `{"provider":"sketchpen","type":"video.completed"}`)
	sameShape(t, string(a.await(t, 1)[0].body), `{"event":"video.completed","video_id":"uuid","data":{"id":"uuid","status":"completed","prompt":"...",
		"video_url":"https://...","audio_url":"https://...","thumbnail_url":"https://...","created_at":"2024-01-01T00:00:00.000000",
		"updated_at":"2024-01-01T00:00:05.000000"},"created_at":1711234567}`)
	gone := r.curl("curl -X DELETE https://api.sketchpen.app/api/v1/callbacks/uuid \\\n  -H \"X-Api-Key: sk_live_...\"", "callbacks/uuid", "callbacks/"+callback.ID)
	if gone.status != 204 || gone.body != "" {
		t.Errorf("delete = %d %q", gone.status, gone.body)
	}
	r.want(404, "DELETE", "/api/v1/callbacks/"+callback.ID, "", "X-Api-Key: k")
	r.want(401, "GET", "/api/v1/callbacks", "")
	r.want(422, "POST", "/api/v1/callbacks", `{"url":"http://127.0.0.1:9999"}`, "X-Api-Key: k")
	r.want(422, "POST", "/api/v1/callbacks", `{"url":"http://127.0.0.1:9999","event":"video"}`, "X-Api-Key: k")
	if got := r.want(200, "GET", "/api/v1/callbacks", "", "X-Api-Key: k"); got.body != "[]\n" {
		t.Errorf("list = %q, want an empty array", got.body)
	}
}

const renderCurl = `curl -X POST "https://api.canvelete.com/v1/render/design/design_123" \
-H "Authorization: Bearer YOUR_API_KEY" \
-H "Content-Type: application/json" \
-d '{
"format": "png",
"dynamicData": {
"title": "Hello World"
}
}'`

// The documentation of Canvelete: the call, the answer, the event, the image.
func TestCanveleteContract(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	a := newApp(t)
	r.register("canvelete", a.URL+"/webhooks/canvelete")
	got := r.curl(renderCurl)
	if got.status != 200 {
		t.Fatalf("render = %d %s", got.status, got.body)
	}
	const data = `"data":{"renderId":"render_xyz789","designId":"design_abc123","status":"completed","downloadUrl":"https://cdn.canvelete.com/renders/xyz789.png",
		"metadata":{"format":"png","width":1080,"height":1080,"fileSize":245760,"renderTime":1.2}}`
	sameShape(t, got.body, `{"success":true,`+data+`}`)
	var out canveleteAnswer
	got.decode(t, &out)
	arrived := a.await(t, 1)[0]
	sameShape(t, string(arrived.body), `{"eventId":"evt_abc123","eventType":"render.completed","timestamp":"2024-01-15T10:30:00Z",`+data+`}`)
	var event struct{ Data canveleteData }
	if err := json.Unmarshal(arrived.body, &event); err != nil || event.Data != *out.Data {
		t.Errorf("the event is about %+v, the answer about %+v", event.Data, *out.Data)
	}
	if out.Data.DesignID != "design_123" || out.Data.Metadata.Width != 1080 {
		t.Errorf("data = %+v", *out.Data)
	}
	file := r.want(200, "GET", strings.TrimPrefix(out.Data.DownloadURL, r.front.URL), "")
	if len(file.body) != out.Data.Metadata.FileSize || file.header.Get("Content-Type") != "image/png" {
		t.Errorf("%d bytes of %s, want %d", len(file.body), file.header.Get("Content-Type"), out.Data.Metadata.FileSize)
	}
}

// Every format is made in the size that is asked for, and its address lives as
// long as the data directory.
func TestRenders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := openRig(t, dir, &stopped{at: start()}, nil)
	paths := map[string]answer{}
	for format, kind := range map[string]string{"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "pdf": "application/pdf", "svg": "image/svg+xml"} {
		var out canveleteAnswer
		r.want(200, "POST", "/v1/render/design/d", fmt.Sprintf(`{"format":%q,"width":120,"height":63}`, format), "Authorization: Bearer k").decode(t, &out)
		path := strings.TrimPrefix(out.Data.DownloadURL, r.front.URL)
		file := r.want(200, "GET", path, "")
		paths[path] = file
		if file.header.Get("Content-Type") != kind || out.Data.Metadata.FileSize != len(file.body) || file.header.Get(ExtensionHeader) != "" {
			t.Errorf("%s: %d bytes, %v", format, len(file.body), file.header)
		}
		switch kind {
		case "image/png", "image/jpeg":
			c, name, err := image.DecodeConfig(strings.NewReader(file.body))
			if err != nil || c.Width != 120 || c.Height != 63 || "image/"+name != kind {
				t.Errorf("%s is %s of %d×%d, %v", format, name, c.Width, c.Height, err)
			}
			if _, _, err := image.Decode(strings.NewReader(file.body)); err != nil {
				t.Errorf("%s: %v", format, err)
			}
		case "application/pdf":
			if !strings.HasPrefix(file.body, "%PDF-1.4\n") || !strings.Contains(file.body, "/MediaBox [0 0 120 63]") {
				t.Errorf("pdf = %s", file.body)
			}
			checkPDF(t, []byte(file.body))
		default:
			if !strings.Contains(file.body, `width="120" height="63"`) {
				t.Errorf("svg = %s", file.body)
			}
		}
	}
	r.end()
	again := openRig(t, dir, &stopped{at: start()}, nil)
	for path, before := range paths {
		if got := again.want(200, "GET", path, ""); got.body != before.body {
			t.Errorf("%s is another file after a restart", path)
		}
		for _, wrong := range []string{"/renders/" + strings.Repeat("0", 24) + ".png", path + "x", strings.TrimSuffix(path, path[len(path)-4:]) + ".gif", "/renders/.png"} {
			again.want(404, "GET", wrong, "")
		}
	}
}

// checkPDF follows the offsets of a document's table.
func checkPDF(t *testing.T, pdf []byte) {
	t.Helper()
	var at int
	if _, err := fmt.Sscanf(string(pdf[bytes.LastIndex(pdf, []byte("startxref\n"))+10:]), "%d", &at); err != nil || !bytes.HasPrefix(pdf[at:], []byte("xref\n0 5\n")) {
		t.Fatalf("no table at %d, %v", at, err)
	}
	for i, entry := range bytes.Split(pdf[at:], []byte("\n"))[3:7] {
		var offset int
		if _, err := fmt.Sscanf(string(entry), "%d", &offset); err != nil || !bytes.HasPrefix(pdf[offset:], fmt.Appendf(nil, "%d 0 obj\n", i+1)) {
			t.Errorf("object %d is not at %d, %v", i+1, offset, err)
		}
	}
}

// Errors come as the documentation's code reads them: error.code,
// error.retryAfter, error.details.
func TestCanveleteErrors(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.RateLimit = Rate{2, time.Minute} })
	a := newApp(t)
	r.register("canvelete", a.URL)
	key := "Authorization: Bearer k"
	failed := func(got answer) canveleteError {
		t.Helper()
		var out canveleteAnswer
		got.decode(t, &out)
		if out.Success || out.Error == nil || out.Data != nil {
			t.Fatalf("answer = %s", got.body)
		}
		return *out.Error
	}
	r.want(401, "POST", "/v1/render/design/d", `{}`)
	r.want(401, "POST", "/v1/render/design/d", `{}`, "X-Api-Key: k")
	if e := failed(r.want(404, "POST", "/v1/render/design/design_missing", `{}`, key)); e.Code != "NOT_FOUND" {
		t.Errorf("error = %+v", e)
	}
	bad := failed(r.want(400, "POST", "/v1/render/design/d", `{"format":"bmp","width":0,"height":99999}`, key))
	if bad.Code != "VALIDATION_ERROR" || len(bad.Details) != 3 || bad.Details[0].Field != "format" {
		t.Errorf("error = %+v", bad)
	}
	limited := r.want(429, "POST", "/v1/render/design/d", `{}`, key)
	if e := failed(limited); e.Code != "RATE_LIMITED" || e.RetryAfter != 30 || limited.header.Get("Retry-After") != "30" {
		t.Errorf("error = %+v, Retry-After %q", e, limited.header.Get("Retry-After"))
	}
	r.real.add(30 * time.Second)
	if e := failed(r.want(400, "POST", "/v1/render/design/d", `{"dynamicData":[]}`, key)); e.Details[0].Field != "dynamicData" {
		t.Errorf("error = %+v", e)
	}
	r.real.add(30 * time.Second)
	if e := failed(r.want(500, "POST", "/v1/render/design/design_fails", `{"format":"pdf"}`, key)); e.Code != "RENDER_TIMEOUT" {
		t.Errorf("error = %+v", e)
	}
	sameShape(t, string(a.await(t, 1)[0].body), `{"eventId":"evt_def456","eventType":"render.failed","timestamp":"2024-01-15T10:31:00Z","data":{
		"renderId":"render_failed123","designId":"design_abc123","status":"failed","error":{"code":"RENDER_TIMEOUT","message":"Render exceeded maximum time limit"}}}`)
}

// The other APIs are limited as well, each apart.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.RateLimit = Rate{1, time.Second} })
	for _, path := range []string{"/v1/webhooks", "/api/v1/callbacks"} {
		r.want(200, "GET", path, "", "X-Api-Key: k")
		if got := r.want(429, "GET", path, "", "X-Api-Key: k"); got.header.Get("Retry-After") != "1" || got.header.Get(ExtensionHeader) != "true" {
			t.Errorf("%s: %v", path, got.header)
		}
	}
	r.real.add(time.Second)
	r.want(200, "GET", "/v1/webhooks", "")
	for range 3 {
		r.want(200, "GET", "/_hooks/endpoints", "")
	}
}

// With a key, no API takes another one.
func TestAPIKey(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.APIKey = safetext.NewSecret("right") })
	for _, call := range []struct {
		method, path, good string
	}{
		{"GET", "/v1/webhooks", "Authorization: Bearer right"},
		{"GET", "/v1/webhooks", "X-Api-Key: right"},
		{"GET", "/api/v1/callbacks", "X-Api-Key: right"},
		{"POST", "/v1/render/design/d", "Authorization: bearer right"},
	} {
		r.want(200, call.method, call.path, "", call.good)
		name, _, _ := strings.Cut(call.good, ":")
		for _, wrong := range []string{"", name + ": ", name + ": Bearer wrong", name + ": wrong", name + ": Bearer", name + ": Basic right", name + ": right2"} {
			var header []string
			if wrong != "" {
				header = append(header, wrong)
			}
			if got := r.want(401, call.method, call.path, "", header...); got.header.Get(ExtensionHeader) != "true" {
				t.Errorf("%s %s with %q is not marked", call.method, call.path, wrong)
			}
		}
	}
	r.want(200, "GET", "/_hooks/health", "")
}

// Only the providers that were asked for have paths, and only their events can
// be caused.
func TestProviders(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *Config) { c.Providers = []string{"sketchpen", "stripe"} })
	r.want(200, "GET", "/api/v1/callbacks", "", "X-Api-Key: k")
	r.want(404, "GET", "/v1/webhooks", "")
	r.want(404, "POST", "/v1/render/design/d", "{}")
	r.want(404, "GET", "/", "")
	r.want(404, "OPTIONS", "/_hooks/events", "")
	for body, want := range map[string]string{
		`{"provider":"generic","type":"user.created"}`:                                         "generic is not emulated here",
		`{"provider":"strip","type":"x"}`:                                                      "stripe",
		`{"type":"x"}`:                                                                         "provider: it is required",
		`{"provider":"stripe"}`:                                                                "type: it is required",
		`{"provider":"stripe","type":"charge.succeded"}`:                                       "charge.succeeded",
		`{"provider":"stripe","type":"charge.succeeded","set":{"id2":1}}`:                      "id2",
		`{"provider":"stripe","flow":"x"}`:                                                     "no flow",
		`{"provider":"stripe","type":"charge.succeeded","flow":"x"}`:                           "one of",
		`{"provider":"stripe","type":"charge.succeeded","endpoints":["x"]}`:                    "no endpoint x",
		`{"provider":"stripe","type":"charge.succeeded","faults":{"drop":2}}`:                  "faults.drop",
		`{"provider":"stripe","type":"charge.succeeded","faults":{"drop":[]}}`:                 "faults.drop",
		`{"provider":"stripe","events":[{"type":"charge.succeeded","faults":{"drop":{}}},{}]}`: "faults.drop",
		`{"provider":"stripe","events":[{"type":"charge.succeeded"},{}]}`:                      "type",
		`{"provider":"stripe","type":"charge.succeeded","typ":1}`:                              "unknown field",
		`{"provider":"stripe","type":"charge.succeeded"}{}`:                                    "follows",
	} {
		if got := r.want(400, "POST", "/_hooks/events", body); !strings.Contains(got.body, want) {
			t.Errorf("POST %s = %s, want %q", body, got.body, want)
		}
	}
}

// Every path is served as its pattern says, and the provider's own are listed
// as such.
func TestRoutes(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	documented := map[string][]string{}
	for _, one := range r.s.Routes() {
		if !one.Extension {
			documented[one.Provider] = append(documented[one.Provider], one.Method+" "+one.Path)
		}
	}
	want := map[string][]string{
		"generic":   {"POST /v1/webhooks", "POST /v1/webhooks/{id}/test", "GET /v1/webhooks/{id}/deliveries"},
		"sketchpen": {"POST /api/v1/callbacks", "GET /api/v1/callbacks", "DELETE /api/v1/callbacks/{id}"},
		"canvelete": {"POST /v1/render/design/{id}", "GET /renders/{file}"},
	}
	if !maps.EqualFunc(documented, want, slices.Equal[[]string]) {
		t.Errorf("routes = %v, want %v", documented, want)
	}
	var health struct {
		Status string
		Routes []string
	}
	r.want(http.StatusOK, "GET", HealthPath, "").decode(t, &health)
	if health.Status != "ok" || len(health.Routes) != len(r.s.Routes()) {
		t.Errorf("health = %+v", health)
	}
}
