package httptext_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/safetext/safetexttest"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func write(t testing.TB, format httptext.Format, o httptext.Options, ds ...*webhook.Delivery) string {
	t.Helper()
	var b bytes.Buffer
	if err := httptext.Write(&b, format, o, ds...); err != nil {
		t.Fatalf("Write %s: %v", format, err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	t.Parallel()
	post := request()
	post.ID, post.Header["User-Agent"], post.Header["Accept"] = "dlv_1", []string{"x"}, []string{"*/*"}
	lines := post.Clone()
	lines.Body, lines.Method = []byte("it's\n$HOME `id`\n"), "PUT"
	lines.Header["X-Empty"] = []string{""}
	odd := post.Clone()
	odd.Body, odd.URL = []byte("%\x00'\\!"), "http://localhost:3000/a[1]/../b?c='d'"
	odd.Header["X-Odd"] = []string{"@file\x1b[2J"}
	get := &webhook.Delivery{Method: "GET", Path: "/x", Header: http.Header{}}
	empty := &webhook.Delivery{Method: "POST", Path: "/x", Header: http.Header{"Host": {"example.com"}}}
	tests := []struct {
		name   string
		format httptext.Format
		in     *webhook.Delivery
		want   string
	}{
		{"http", httptext.HTTP, post, "POST /webhooks?a=1 HTTP/1.1\r\nHost: localhost:3000\r\nAccept: */*\r\nContent-Type: application/json\r\nUser-Agent: x\r\nX-Signature: sha256=abc\r\nContent-Length: 14\r\n\r\n{\"id\":\"evt_1\"}"},
		{"http-get", httptext.HTTP, get, "GET /x HTTP/1.1\r\n\r\n"},
		{"body", httptext.Body, odd, "%\x00'\\!"},
		{"curl", httptext.Curl, post, `printf '%s' '{"id":"evt_1"}' |
curl -H 'Accept: */*' \
  -H 'Content-Type: application/json' \
  -H 'User-Agent: x' \
  -H 'X-Signature: sha256=abc' \
  --data-binary @- \
  -- 'http://localhost:3000/webhooks?a=1'
`},
		{"curl-lines", httptext.Curl, lines, `curl --request 'PUT' \
  -H 'Accept: */*' \
  -H 'Content-Type: application/json' \
  -H 'User-Agent: x' \
  -H 'X-Empty;' \
  -H 'X-Signature: sha256=abc' \
  --data-binary @- \
  -- 'http://localhost:3000/webhooks?a=1' <<'HOOKS_BODY'
it's
$HOME ` + "`id`" + `
HOOKS_BODY
`},
		{"curl-odd", httptext.Curl, odd, `printf '%%\000\047\\!' |
curl -H 'Accept: */*' \
  -H 'Content-Type: application/json' \
  -H 'User-Agent: x' \
  -H "$(printf 'X-Odd: @file\033[2J')" \
  -H 'X-Signature: sha256=abc' \
  --data-binary @- \
  --globoff \
  --path-as-is \
  -- 'http://localhost:3000/a[1]/../b?c='\''d'\'''
`},
		{"curl-get", httptext.Curl, get, "curl -H 'Accept:' \\\n  -H 'User-Agent:' \\\n  -- 'http://127.0.0.1:3000/x'\n"},
		{"curl-empty-body", httptext.Curl, empty, "curl --request 'POST' \\\n  -H 'Accept:' \\\n  -H 'User-Agent:' \\\n  -H 'Content-Type:' \\\n  --data-binary '' \\\n  -- 'http://example.com/x'\n"},
		{"powershell", httptext.PowerShell, post, "Invoke-WebRequest -UseBasicParsing -Method POST -Uri 'http://localhost:3000/webhooks?a=1' `\n  -ContentType 'application/json' `\n  -UserAgent 'x' `\n" +
			"  -Headers @{\n    'Accept' = '*/*'\n    'X-Signature' = 'sha256=abc'\n  } `\n  -Body ([Text.Encoding]::UTF8.GetBytes('{\"id\":\"evt_1\"}'))\n"},
		{"powershell-odd", httptext.PowerShell, odd, "Invoke-WebRequest -UseBasicParsing -Method POST -Uri 'http://localhost:3000/a[1]/../b?c=''d''' `\n  -ContentType 'application/json' `\n  -UserAgent 'x' `\n" +
			"  -Headers @{\n    'Accept' = '*/*'\n    'X-Odd' = ([Text.Encoding]::GetEncoding(28591).GetString([Convert]::FromBase64String('QGZpbGUbWzJK')))\n    'X-Signature' = 'sha256=abc'\n  } `\n" +
			"  -Body ([Convert]::FromBase64String('JQAnXCE='))\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := write(t, tt.format, httptext.Options{}, tt.in); got != tt.want {
				t.Errorf("Write %s =\n%s\nwant\n%s", tt.format, got, tt.want)
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	for name, d := range map[string]*webhook.Delivery{
		"file":      {Method: "GET", URL: "file:///etc/passwd"},
		"gopher":    {Method: "GET", URL: "gopher://h/"},
		"no-scheme": {Method: "GET", URL: "-o/tmp/x"},
		"no-host":   {Method: "GET", URL: "http:///x"},
		"method":    {Method: "GET -o /tmp/x", URL: "http://h/"},
		"no-method": {URL: "http://h/"},
	} {
		for _, format := range []httptext.Format{httptext.Curl, httptext.PowerShell} {
			var b bytes.Buffer
			if err := httptext.Write(&b, format, httptext.Options{}, d); err == nil || b.Len() > 0 {
				t.Errorf("%s as %s: %q, %v", name, format, b.String(), err)
			}
		}
	}
	if err := httptext.Write(&bytes.Buffer{}, "yaml", httptext.Options{}, request()); err == nil {
		t.Error("an unknown format is written")
	}
	if err := httptext.Write(&bytes.Buffer{}, httptext.Body, httptext.Options{}, request(), request()); err == nil {
		t.Error("two bodies are written behind each other")
	}
}

// canary is in every place where a delivery can hold a credential.
const canary = "c4n4ry"

func secretive() *webhook.Delivery {
	d := request()
	d.URL, d.Query = "http://me:"+canary+"@h/x?token="+canary, "token="+canary
	d.Header["Authorization"] = []string{"Bearer " + canary, canary}
	d.Header["Cookie"] = []string{"session=" + canary}
	d.Header["X-Gitlab-Token"] = []string{canary}
	d.Direction = webhook.Sent
	d.Attempts = []webhook.Attempt{{Number: 1, URL: d.URL, Response: &webhook.Response{Status: 200, Header: http.Header{"Set-Cookie": {canary}}}}}
	return d
}

func TestCredentialsAreMasked(t *testing.T) {
	t.Parallel()
	d := secretive()
	for _, name := range httptext.Formats() {
		format := httptext.Format(name)
		if got := write(t, format, httptext.Options{}, d); strings.Contains(got, canary) {
			t.Errorf("%s shows a credential:\n%s", format, got)
		}
		if got := write(t, format, httptext.Options{Credentials: true}, d); !strings.Contains(got, canary) && format != httptext.Body {
			t.Errorf("%s does not show the credentials that were asked for:\n%s", format, got)
		}
	}
	m := httptext.Masked(d)
	if want := []string{"Authorization", "Cookie", "X-Gitlab-Token", "url"}; !reflect.DeepEqual(m.Redacted, want) {
		t.Errorf("Redacted = %v, want %v", m.Redacted, want)
	}
	b, err := json.Marshal(m)
	if err != nil || bytes.Contains(b, []byte(canary)) {
		t.Errorf("the masked delivery holds a credential: %s, %v", b, err)
	}
	if !reflect.DeepEqual(d, secretive()) {
		t.Error("Masked changed what it was given")
	}
	if got := write(t, httptext.Curl, httptext.Options{}, d); !strings.Contains(got, `-H 'Authorization: Bearer '"$REDACTED_AUTHORIZATION"`) || !strings.Contains(got, `-H 'X-Gitlab-Token: '"$REDACTED_X_GITLAB_TOKEN"`) {
		t.Errorf("the command has no variables for the credentials:\n%s", got)
	}
	back, err := httptext.Parse([]byte(write(t, httptext.Curl, httptext.Options{}, d)))
	if err != nil || len(back.Redacted) != 4 {
		t.Errorf("read back: %+v, %v; want the masked headers named", back, err)
	}
}

// TestCommandsTakeNoVariableOfTheReader: a header named like a variable that the
// reader has does not bring its value into the command.
func TestCommandsTakeNoVariableOfTheReader(t *testing.T) {
	t.Parallel()
	d := request()
	d.Header.Set("Github-Token", "x")
	d.Header.Set("Home", safetext.Masked)
	for _, format := range []httptext.Format{httptext.Curl, httptext.PowerShell} {
		got := write(t, format, httptext.Options{}, d)
		if regexp.MustCompile(`\$(env:)?(GITHUB_TOKEN|HOME)`).MatchString(got) {
			t.Errorf("as %s:\n%s", format, got)
		}
	}
}

// TestShownCommandsAreVisible: a command for a shell holds nothing that acts on
// a terminal.
func TestShownCommandsAreVisible(t *testing.T) {
	t.Parallel()
	for _, a := range safetexttest.Attacks() {
		d := request()
		d.URL = "http://h/" + a.Text
		d.Header["X-A"] = []string{a.Text}
		d.Body = []byte(a.Text)
		for _, format := range []httptext.Format{httptext.Curl, httptext.PowerShell, httptext.HAR} {
			got := write(t, format, httptext.Options{}, d)
			if bad := safetexttest.Foreign(got); bad != nil {
				t.Errorf("%s as %s: %v in\n%q", a.Name, format, bad[0], got)
			}
		}
	}
}

// TestPowerShellQuoting takes all strings out of a command and looks at what is
// left: the skeleton of the command, whatever the delivery held.
func TestPowerShellQuoting(t *testing.T) {
	t.Parallel()
	skeleton := regexp.MustCompile("^Invoke-WebRequest -UseBasicParsing (-Method POST|-CustomMethod S) -Uri S( `\n  -ContentType V)?( `\n  -UserAgent V)?( `\n  -Headers @\\{(\n    S = V( \\+ S \\+ V)*)+\n  \\})?( `\n  -Body B)?\n$")
	// PowerShell ends a string in single quotes at any of these.
	quotes := regexp.MustCompile(`'(?:[^'\x{2018}-\x{201b}]|['\x{2018}-\x{201b}]{2})*'`)
	for _, text := range nasty() {
		d := request()
		d.URL = "http://h/?" + strings.NewReplacer("\n", "", "\r", "").Replace(text)
		d.Header["X-A"], d.Header["X'b"] = []string{text, text}, []string{text}
		d.Header["Content-Type"], d.Header["User-Agent"] = []string{text}, []string{text}
		d.Body = []byte(text)
		got := quotes.ReplaceAllString(write(t, httptext.PowerShell, httptext.Options{}, d), "S")
		got = strings.NewReplacer(
			"([Text.Encoding]::GetEncoding(28591).GetString([Convert]::FromBase64String(S)))", "V",
			"([Text.Encoding]::UTF8.GetBytes(S))", "B",
			"([Convert]::FromBase64String(S))", "B",
			"-ContentType S", "-ContentType V",
			"-UserAgent S", "-UserAgent V",
		).Replace(got)
		got = regexp.MustCompile(`(= |' \+ |S \+ )S`).ReplaceAllString(got, "${1}V")
		if !skeleton.MatchString(got) {
			t.Errorf("with %q a skeleton is left that is not ours:\n%s", text, got)
		}
	}
}

func TestHAR(t *testing.T) {
	t.Parallel()
	d := secretive()
	d.ID, d.Header, d.URL = "dlv_1", http.Header{"Content-Type": {"text/plain"}}, "http://h/x?a=b%20c&d"
	d.Body = []byte("\xff\x00")
	d.Attempts[0].URL, d.Attempts[0].At, d.Attempts[0].Duration = d.URL, time.Date(2026, 11, 21, 14, 3, 5, 0, time.UTC), 3100*time.Microsecond
	var log struct {
		Log struct {
			Version string
			Creator struct{ Name, Version string }
			Entries []struct {
				StartedDateTime string
				Time            float64
				Request         map[string]any
				Response        map[string]any
				Cache           map[string]any
				Timings         map[string]float64
			}
		}
	}
	out := write(t, httptext.HAR, httptext.Options{Version: "1.2.3"}, d)
	if err := json.Unmarshal([]byte(out), &log); err != nil {
		t.Fatal(err)
	}
	e := log.Log.Entries[0]
	if log.Log.Version != "1.2" || log.Log.Creator.Name != "hooks" || log.Log.Creator.Version != "1.2.3" ||
		e.StartedDateTime != "2026-11-21T14:03:05.000000Z" || e.Time != 3.1 || e.Timings["wait"] != 3.1 || e.Cache == nil {
		t.Errorf("log = %+v", log)
	}
	// What the specification asks for in each.
	for _, name := range []string{"method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"} {
		if e.Request[name] == nil {
			t.Errorf("the request has no %s", name)
		}
	}
	for _, name := range []string{"status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "headersSize", "bodySize"} {
		if e.Response[name] == nil {
			t.Errorf("the response has no %s", name)
		}
	}
	back, err := httptext.Parse([]byte(out))
	if err != nil || string(back.Body) != "\xff\x00" || len(back.Attempts) != 1 || back.Attempts[0].Duration != d.Attempts[0].Duration {
		t.Errorf("read back: %+v, %v", back, err)
	}
}

// nasty are texts that mean something to a shell, to curl or to a terminal.
func nasty() []string {
	texts := []string{
		"'", `"`, "`id`", "$(id)", "$HOME", "${IFS}", "\\", "'\\''", "';touch canary;'", "\";touch canary;\"", "| touch canary",
		"&& touch canary", "; touch canary #", "> canary", "< /etc/passwd", "(touch canary)", "{touch,canary}", "*", "?", "[a-z]",
		"~", "!!", "!touch", "#", "%s%s%n", "%", "%%", "%(touch)", "@/etc/passwd", "@-", "-o canary", "--output canary", "-K canary",
		"--next", "--", "-", "a\nb", "a\n", "\n", "\n\n", "HOOKS_BODY", "HOOKS_BODY\n", "a\nHOOKS_BODY\ntouch canary\n", "EOF\n", "\r\n", "a\rb",
		"\ttab\t", "\x00", "a\x00b", "\x1b[2J", "\x7f", "\xff\xfe", "\u202e", "\u2018;touch canary;\u2019", "’", "‚", "‛", "“”", "日本語",
		"👩\u200d💻", "\\n", "\\\\", "\\047", "\\x41", "\\c", "%b\\", "'\"'\"'", "$'a'", "$\"a\"", "<<EOF", "<(id)", ">(id)", "a b  c", " lead",
		"trail ", ";", ",", ":", "=", "^", "%PATH%", "%~dp0", "&", "^&", "\"^", "[1-1000000]", "{1,2,3}", "http://evil/", "file:///etc/passwd",
		"\\\n", "a\\", "-", "--data @x", "\u2028", "\u00a0", "é", strings.Repeat("'", 50), strings.Repeat("\\", 51), strings.Repeat("%", 21),
	}
	for _, a := range safetexttest.Attacks() {
		texts = append(texts, a.Text)
	}
	return texts
}

func headerSafe(s string) bool {
	return !strings.ContainsAny(s, "\r\n\x00") && strings.Trim(s, " \t") == s && !strings.HasSuffix(s, safetext.Masked)
}

// FuzzRoundTrip: what is written is read again as the same request, in every
// form that can be read.
func FuzzRoundTrip(f *testing.F) {
	for _, s := range nasty() {
		f.Add(s, s, []byte(s))
	}
	f.Add("", "", make([]byte, 5000))
	f.Add("^\"", " ^\"", []byte("a^\n`\n"))
	f.Fuzz(func(t *testing.T, path, value string, body []byte) {
		if !headerSafe(value) {
			return
		}
		d := request()
		d.Path = "/" + strings.Map(func(r rune) rune {
			if r <= ' ' || r >= 0x7f || r == '?' || r == '#' {
				return -1
			}
			return r
		}, path)
		d.Query, d.URL = "", "http://localhost:3000"+d.Path
		d.Header["X-Value"] = []string{value, value}
		d.Body = body
		if len(body) == 0 {
			d.Body = nil
		}
		for _, format := range []httptext.Format{httptext.HTTP, httptext.Curl, httptext.HAR} {
			if format == httptext.HAR && safetext.Block(value) != value {
				continue // JSON has no place for bytes that are not UTF-8 in a header
			}
			text := write(t, format, httptext.Options{Credentials: true}, d)
			got, err := httptext.Parse([]byte(text))
			if err != nil {
				t.Fatalf("Parse of %s: %v\n%s", format, err, text)
			}
			got.Header.Del("Content-Length")
			if got.Method != d.Method || got.Path != d.Path || !bytes.Equal(got.Body, d.Body) || !reflect.DeepEqual(got.Header, d.Header) {
				t.Errorf("%s:\n%s\nread as %+v, body %q", format, text, got, got.Body)
			}
		}
	})
}

// FuzzParse: whatever is read can be written as a request and read again.
func FuzzParse(f *testing.F) {
	d := request()
	for _, name := range httptext.Formats() {
		f.Add([]byte(write(f, httptext.Format(name), httptext.Options{}, d)))
	}
	for _, s := range []string{
		`{"method":"POST","headers":{},"body":""}`, "curl ^\"http://h/^\" ^\n", "curl.exe 'http://h/' -d \"a`nb\"", "POST / HTTP/1.1\n\n###\nGET / HTTP/1.1\n\n",
		"cat <<-A | curl -d @- -- h\n\tb\nA\n", "curl\f*", "curl h\x00", "OPTIONS * HTTP/1.1\n", `curl $'\u0041\x41\101' -H "$(printf '%s' a)"`, "[[[",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		all, err := httptext.ParseAll(in)
		if err != nil {
			if all != nil {
				t.Errorf("%d requests beside %v", len(all), err)
			}
			return
		}
		for _, d := range all {
			text := write(t, httptext.HTTP, httptext.Options{Credentials: true}, d)
			got, err := httptext.Parse([]byte(text))
			if err != nil || got.Method != d.Method || !bytes.Equal(got.Body, d.Body) {
				t.Errorf("%q was read as %+v and written as %q: %v", in, d, text, err)
			}
		}
	})
}
