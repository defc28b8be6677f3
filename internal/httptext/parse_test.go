package httptext_test

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// request is what most cases below hold, in one form or another.
func request() *webhook.Delivery {
	return &webhook.Delivery{
		Method: "POST", URL: "http://localhost:3000/webhooks?a=1", Path: "/webhooks", Query: "a=1",
		Header: http.Header{"Host": {"localhost:3000"}, "Content-Type": {"application/json"}, "X-Signature": {"sha256=abc"}},
		Body:   []byte(`{"id":"evt_1"}`),
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	raw := "POST /webhooks?a=1 HTTP/1.1\nHost: localhost:3000\nContent-Type: application/json\nx-signature: sha256=abc\n\n" + `{"id":"evt_1"}`
	crlf := strings.ReplaceAll(raw, "\n", "\r\n")
	headers := `"headers":[["Host","localhost:3000"],["Content-Type","application/json"],["X-Signature","sha256=abc"]]`
	entry := `{"startedDateTime":"2026-11-21T14:03:05Z","_x":{"y":[]},"request":{"method":"POST","url":"http://localhost:3000/webhooks?a=1","httpVersion":"h2","headers":[` +
		`{"name":":method","value":"POST"},{"name":"content-type","value":"application/json"},{"name":"x-signature","value":"sha256=abc"}],"postData":{"text":"{\"id\":\"evt_1\"}"}}}`
	curl := "curl http://localhost:3000/webhooks?a=1 -H 'Content-Type: application/json' -H 'X-Signature: sha256=abc' "
	tests := []struct{ name, in string }{
		{"raw", raw},
		{"raw-crlf", crlf},
		{"raw-without-version", strings.Replace(raw, " HTTP/1.1", "", 1)},
		{"raw-with-url", strings.Replace(raw, " /webhooks", " http://localhost:3000/webhooks", 1)},
		{"raw-with-length", strings.Replace(raw, "Host:", "Content-Length: 14\nHost:", 1)},
		{"raw-with-length-and-line-break", strings.Replace(raw, "Host:", "Content-Length: 14\nHost:", 1) + "\n"},
		{"raw-continued-line", strings.Replace(raw, "x-signature: sha256=abc", "X-Signature:\n sha256=abc", 1)},
		{"raw-chunked", strings.Replace(strings.Replace(raw, "Host:", "Transfer-Encoding: chunked\nHost:", 1), `{"id":"evt_1"}`, "5;x=y\r\n{\"id\"\r\n9\r\n:\"evt_1\"}\r\n0\r\n\r\n", 1)},
		{"raw-chunked-lf", strings.Replace(strings.Replace(raw, "Host:", "Transfer-Encoding: chunked\nHost:", 1), `{"id":"evt_1"}`, "E\n{\"id\":\"evt_1\"}\n0\nTrailer: x\n\n", 1)},
		{"raw-said-chunked", strings.Replace(raw, "Host:", "Transfer-Encoding: chunked\nHost:", 1)},
		{"raw-after-blank-lines", "\n\r\n" + raw},
		{"raw-with-byte-order-mark", "\ufeff" + raw},
		{"delivery", `{"method":"POST","url":"http://localhost:3000/webhooks?a=1",` + headers + `,"body":"{\"id\":\"evt_1\"}"}`},
		{"delivery-base64", `{"method":"POST","path":"/webhooks","query":"a=1",` + headers + `,"body_base64":"eyJpZCI6ImV2dF8xIn0="}`},
		{"delivery-path", `{"method":"POST","path":"/webhooks?a=1",` + headers + `,"body":"{\"id\":\"evt_1\"}"}`},
		{"headers-object", `{"method":"POST","url":"http://localhost:3000/webhooks?a=1","headers":{"host":"localhost:3000","content-type":["application/json"],"x-signature":"sha256=abc"},"body":"{\"id\":\"evt_1\"}"}`},
		{"headers-named", `{"method":"POST","url":"http://localhost:3000/webhooks?a=1","headers":[{"name":"content-type","value":"application/json"},{"name":"x-signature","value":"sha256=abc"}],"body":"{\"id\":\"evt_1\"}"}`},
		{"gateway-event", `{"httpMethod":"POST","path":"/webhooks","query":"a=1",` + headers + `,"body":"eyJpZCI6ImV2dF8xIn0=","isBase64Encoded":true}`},
		{"list-of-one", `[{"method":"POST","url":"http://localhost:3000/webhooks?a=1",` + headers + `,"body":"{\"id\":\"evt_1\"}"}]`},
		{"har-entry", entry},
		{"har-log", `{"log":{"version":"1.2","creator":{"name":"x","version":"1"},"entries":[` + entry + `]}}`},
		{"har-base64", strings.Replace(entry, `{"text":"{\"id\":\"evt_1\"}"}`, `{"text":"eyJpZCI6ImV2dF8xIn0=","encoding":"base64"}`, 1)},
		{"curl", curl + `-d '{"id":"evt_1"}'`},
		{"curl-raw", curl + `--data-raw '{"id":"evt_1"}'`},
		{"curl-binary", curl + `--data-binary '{"id":"evt_1"}' | jq .`},
		{"curl-double-quotes", curl + `-d "{\"id\":\"evt_1\"}"`},
		{"curl-dollar-quotes", curl + `-d $'{"id":\x22evt_1\u0022\175'`},
		{"curl-attached", strings.ReplaceAll(curl, "-H ", "-H") + `-sSXPOST -d'{"id":"evt_1"}'`},
		{"curl-continued", strings.ReplaceAll(curl, " -H", " \\\n  -H") + "\\\r\n -d '{\"id\":\"evt_1\"}'"},
		{"curl-json", `curl --json '{"id":"evt_1"}' -H Accept: -H "X-Signature: sha256=abc" --url localhost:3000/webhooks?a=1`},
		{"curl-url-last", `curl -d '{"id":"evt_1"}' -o /dev/null -w '%{http_code}' -m 5 --compressed-ssh -k -H 'Content-Type: application/json' -H 'X-Signature: sha256=abc' -- http://localhost:3000/webhooks?a=1`},
		{"curl-pieces", curl + `--json '{"id":' --json '"evt_1"}' -H Accept: | cat # a comment`},
		{"curl-here-document", curl + "-d @- <<'END'\n{\"id\":\"evt_1\"}\nEND\n"},
		{"curl-here-string", curl + "-d @- <<< '{\"id\":\"evt_1\"}'"},
		{"curl-printf", `printf '%s' '{"id":"evt_1"}' | ` + curl + "--data-binary @-"},
		{"curl-printf-escapes", `printf '{"id":"\145vt_%d\x31"}' | ` + curl + "--data-binary @-"},
		{"curl-echo", `echo -n '{"id":"evt_1"}' |` + "\n  " + curl + "-d @-"},
		{"curl-cat", "cat <<END | " + curl + "-d @-\n{\"id\":\"evt_1\"}\nEND"},
		{"curl-prompt", "$ " + curl + `-d '{"id":"evt_1"}'`},
		{"curl-commented", "# the first delivery\n\n" + curl + `-d '{"id":"evt_1"}'`},
		{"curl-variable-set", "A=b TOKEN='c d' " + curl + `-d '{"id":"evt_1"}'`},
		{"curl-redirected", curl + `-d '{"id":"evt_1"}' > out.txt 2>&1`},
		{"curl-query", `curl -H 'Content-Type: application/json' -H 'X-Signature: sha256=abc' --url-query a=1 -d '{"id":"evt_1"}' http://localhost:3000/webhooks`},
		{"cmd", "curl ^\"http://localhost:3000/webhooks?a=1^\" ^\r\n  -H ^\"Content-Type: application/json^\" ^\r\n  -H ^\"X-Signature: sha256=abc^\" ^\r\n  --data-raw ^\"^{^\\^\"id^\\^\":^\\^\"evt_1^\\^\"^}^\""},
		{"cmd-plain", "curl -X POST http://localhost:3000/webhooks?a=1 ^\r\n -H \"Content-Type: application/json\" ^\r\n -H \"X-Signature: sha256=abc\" ^\r\n -d \"{\\\"id\\\":\\\"evt_1\\\"}\""},
		{"powershell", "curl.exe -X POST 'http://localhost:3000/webhooks?a=1' `\n  -H 'Content-Type: application/json' `\n  -H \"X-Signature: sha256=abc\" `\n  -d '{\"id\":\"evt_1\"}'"},
		{"powershell-old", "curl.exe -X POST http://localhost:3000/webhooks?a=1 -H 'Content-Type: application/json' -H 'X-Signature: sha256=abc' -d '{\\\"id\\\":\\\"evt_1\\\"}'"},
		{"powershell-here-string", "curl.exe http://localhost:3000/webhooks?a=1 -H 'Content-Type: application/json' -H 'X-Signature: sha256=abc' -d @'\n{\"id\":\"evt_1\"}\n'@\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.name == "curl-printf-escapes" {
				tt.in = strings.Replace(tt.in, "%d", "", 1)
			}
			got, err := httptext.Parse([]byte(tt.in))
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.in, err)
			}
			want := request()
			got.Header.Del("Content-Length")
			got.Header.Del("Transfer-Encoding")
			if got.Method != want.Method || got.URL != want.URL || got.Path != want.Path || got.Query != want.Query {
				t.Errorf("%s %s (%s ? %s), want %s %s", got.Method, got.URL, got.Path, got.Query, want.Method, want.URL)
			}
			if !reflect.DeepEqual(got.Header, want.Header) {
				t.Errorf("headers %v, want %v", got.Header, want.Header)
			}
			if string(got.Body) != string(want.Body) {
				t.Errorf("body %q, want %q", got.Body, want.Body)
			}
		})
	}
}

func TestParseDetails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, in string
		want     func(*webhook.Delivery) bool
	}{
		{"body-to-the-end", "POST / HTTP/1.1\n\nline\r\n\r\nline\n", func(d *webhook.Delivery) bool { return string(d.Body) == "line\r\n\r\nline\n" }},
		{"length-cuts", "POST / HTTP/1.1\nContent-Length: 2\n\nab\r\n", func(d *webhook.Delivery) bool { return string(d.Body) == "ab" }},
		{"length-keeps", "POST / HTTP/1.1\nContent-Length: 4\n\nab\r\n", func(d *webhook.Delivery) bool { return string(d.Body) == "ab\r\n" }},
		{"no-body", "GET /x HTTP/1.0\nHost: a", func(d *webhook.Delivery) bool { return d.Body == nil && d.Proto == "HTTP/1.0" && d.URL == "http://a/x" }},
		{"separator-in-a-body", "POST / HTTP/1.1\n\na\n###\nb\n", func(d *webhook.Delivery) bool { return string(d.Body) == "a\n###\nb\n" }},
		{"forwarded-https", "GET /x HTTP/1.1\nHost: a\nX-Forwarded-Proto: https\n\n", func(d *webhook.Delivery) bool { return d.URL == "https://a/x" }},
		{"repeated-header", "GET / HTTP/1.1\nX-A: 1\nx-a: 2\n\n", func(d *webhook.Delivery) bool { return reflect.DeepEqual(d.Header["X-A"], []string{"1", "2"}) }},
		{"raw-path-stays", "GET /a%2Fb//../c?x=%41&y HTTP/1.1\n\n", func(d *webhook.Delivery) bool { return d.Path == "/a%2Fb//../c" && d.Query == "x=%41&y" }},
		{"user", "curl -u me:pw http://h/", func(d *webhook.Delivery) bool {
			return d.Header.Get("Authorization") == "Basic bWU6cHc=" && d.Method == "GET"
		}},
		{"user-in-url", "curl http://me:pw@h/p", func(d *webhook.Delivery) bool {
			return d.Header.Get("Authorization") == "Basic bWU6cHc=" && d.URL == "http://h/p"
		}},
		{"form-type", "curl -d a=b http://h/", func(d *webhook.Delivery) bool {
			return d.Header.Get("Content-Type") == "application/x-www-form-urlencoded" && d.Method == "POST"
		}},
		{"form-type-taken-off", "curl -d a=b -H Content-Type: http://h/", func(d *webhook.Delivery) bool { return d.Header.Values("Content-Type") == nil }},
		{"type-behind-json", "curl --json '{}' -H 'content-type: a/b' http://h/", func(d *webhook.Delivery) bool { return reflect.DeepEqual(d.Header["Content-Type"], []string{"a/b"}) }},
		{"data-joined", "curl -d a=b --data-urlencode 'c=d e' --data-urlencode =f/g http://h/", func(d *webhook.Delivery) bool { return string(d.Body) == "a=b&c=d+e&f%2Fg" }},
		{"get", "curl -G -d a=b http://h/?x=y", func(d *webhook.Delivery) bool {
			return d.Query == "x=y&a=b" && d.Method == "GET" && d.Body == nil && d.Header.Values("Content-Type") == nil
		}},
		{"head", "curl -I http://h/", func(d *webhook.Delivery) bool { return d.Method == "HEAD" }},
		{"upload", "printf 'a\\n' | curl -T - http://h/", func(d *webhook.Delivery) bool {
			return d.Method == "PUT" && string(d.Body) == "a\n" && d.Header.Values("Content-Type") == nil
		}},
		{"data-from-stdin-loses-newlines", "printf 'a\\r\\nb\\n' | curl -d @- http://h/", func(d *webhook.Delivery) bool { return string(d.Body) == "ab" }},
		{"binary-data-keeps-newlines", "printf 'a\\r\\nb\\n' | curl --data-binary @- http://h/", func(d *webhook.Delivery) bool { return string(d.Body) == "a\r\nb\n" }},
		{"raw-data-is-no-file", "curl --data-raw @name http://h/", func(d *webhook.Delivery) bool { return string(d.Body) == "@name" }},
		{"empty-header", "curl -H 'X-A;' http://h/", func(d *webhook.Delivery) bool { return reflect.DeepEqual(d.Header["X-A"], []string{""}) }},
		{"options-of-curl", "curl -A me -e from -b a=b --oauth2-bearer tok -r 0-1 http://h/", func(d *webhook.Delivery) bool {
			return d.Header.Get("User-Agent") == "me" && d.Header.Get("Referer") == "from" && d.Header.Get("Cookie") == "a=b" &&
				d.Header.Get("Authorization") == "Bearer tok" && d.Header.Get("Range") == "bytes=0-1"
		}},
		{"variable-is-marked", `curl -H "Authorization: Bearer $TOKEN" -H 'X: $NOT' http://h/`, func(d *webhook.Delivery) bool {
			return reflect.DeepEqual(d.Redacted, []string{"Authorization"}) && d.Header.Get("X") == "$NOT"
		}},
		{"quotes-in-quotes", `curl -d 'it'\''s' http://h/`, func(d *webhook.Delivery) bool { return string(d.Body) == "it's" }},
		{"here-document-with-tabs", "curl --data-binary @- http://h/ <<-X\n\ta\n\tX\n", func(d *webhook.Delivery) bool { return string(d.Body) == "a\n" }},
		{"substituted-printf", `curl -H "X: $(printf '\033a\n')" http://h/`, func(d *webhook.Delivery) bool { return d.Header.Get("X") == "\x1ba" }},
		{"har-time", `{"startedDateTime":"2026-11-21T14:03:05.5+01:00","request":{"method":"GET","url":"https://h/","headers":[]},"response":{"status":204}}`, func(d *webhook.Delivery) bool {
			return d.ReceivedAt.Equal(time.Date(2026, 11, 21, 13, 3, 5, 5e8, time.UTC)) && d.Response.Status == 204
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := httptext.Parse([]byte(tt.in))
			if err != nil {
				t.Fatalf("Parse(%q): %v", tt.in, err)
			}
			if !tt.want(got) {
				t.Errorf("Parse(%q) = %+v", tt.in, got)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"empty", " \n", "it is empty"},
		{"word", "hello", `read as raw HTTP: line 1: "hello" is not a request line`},
		{"answer", "HTTP/1.1 200 OK\n\n", "it is an answer"},
		{"no-path", "POST webhooks HTTP/1.1\n\n", `"webhooks" is neither a path nor a URL`},
		{"header-line", "POST / HTTP/1.1\nHost: a\nbroken\n\n", `read as raw HTTP: line 3: "broken" is not a header`},
		{"header-name", "POST / HTTP/1.1\nA B: c\n\n", `"A B" is not a header name`},
		{"short-body", "POST / HTTP/1.1\nContent-Length: 5\n\nabc", "Content-Length is 5, but 3 bytes of body follow"},
		{"no-body", "POST / HTTP/1.1\nContent-Length: 5", "but 0 bytes of body follow"},
		{"long-body", "POST / HTTP/1.1\nContent-Length: 2\n\nabc", "1 bytes more than the 2 bytes of body follow"},
		{"length", "POST / HTTP/1.1\nContent-Length: x\n\nabc", `"x" is not a number`},
		{"scheme", "POST file:///etc/passwd HTTP/1.1\n\n", "neither http nor https"},
		{"json", "{\n  \"a\": 1,\n}", "read as JSON: line 3, column 1"},
		{"json-ends", `{"method":"POST"`, "it ends too early"},
		{"json-other", `{"a":1}`, "it is no delivery"},
		{"json-deep", strings.Repeat("[", 100_000), "nested deeper than 64"},
		{"body-is-json", `{"method":"POST","headers":{},"body":{"a":1}}`, "a signature covers bytes"},
		{"headers-number", `{"method":"POST","headers":{"a":1},"body":""}`, `header "a" is not a text`},
		{"headers-text", `{"method":"POST","headers":"x","body":""}`, "neither pairs nor an object"},
		{"header-injection", `{"method":"POST","headers":{"a":"b\r\nEvil: c"},"body":""}`, "has a line break"},
		{"own-form-direction", `{"id":"dlv_1","direction":"sideways","method":"POST","headers":[],"body":""}`, `"sideways" is not received or sent`},
		{"own-form-status", `{"id":"dlv_1","direction":"sent","method":"POST","headers":[],"body":"","verification":{"status":"good"}}`, `"good" is no status`},
		{"own-form-injection", `{"id":"dlv_1","direction":"received","method":"POST","headers":[["a","b\nEvil: c"]],"body":""}`, "has a line break"},
		{"method-injection", `{"method":"POST / HTTP/1.1\r\n","headers":{},"body":""}`, "is not a method"},
		{"path-injection", `{"method":"POST","path":"/ HTTP/1.1\r\nA: b","headers":{},"body":""}`, "has white space"},
		{"method-type", `{"method":1,"headers":{},"body":""}`, "method cannot be a number"},
		{"base64", `{"method":"POST","headers":{},"body_base64":"!"}`, "body_base64"},
		{"two", `{"method":"GET","headers":{}} {"method":"GET","headers":{}}`, "it holds 2 requests"},
		{"har-empty", `{"log":{"entries":[]}}`, "it has no entries"},
		{"har-second", `{"log":{"entries":[{"request":{"method":"GET","url":"http://h/","headers":[]}},{"request":{"method":"G T","url":"http://h/"}}]}}`, "entry 2"},
		{"har-params", `{"request":{"method":"POST","url":"http://h/","headers":[],"postData":{"params":[{"name":"a","value":"b"}]}}}`, "the bytes of the body are lost"},
		{"curl-file", "curl -d @body.json http://h/", "read as a curl command: --data: it reads a file"},
		{"curl-binary-file", "curl --data-binary @body.json http://h/", "it reads a file"},
		{"curl-header-file", "curl -H @headers http://h/", "it reads a file"},
		{"curl-config", "curl -K conf http://h/", "it reads a file"},
		{"curl-upload", "curl -T file http://h/", "it reads a file"},
		{"curl-form", "curl -F a=@b http://h/", "boundary"},
		{"curl-cookie-file", "curl -b jar http://h/", "it reads a file"},
		{"curl-stdin", "curl -d @- http://h/", "standard input"},
		{"curl-input-file", "curl -d @- http://h/ < body.json", "it reads a file"},
		{"curl-command", "curl -d @- http://h/ -H \"A: $(cat /etc/passwd)\"", "would have to be run"},
		{"curl-backticks", "curl -H \"A: `id`\" http://h/", "would have to be run"},
		{"curl-pipe", "openssl rand 9 | curl -d @- http://h/", "\"openssl\" would have to be run"},
		{"curl-no-url", "curl -d x", "it has no URL"},
		{"curl-two-urls", "curl http://a/ http://b/", "it has two URLs"},
		{"curl-variable-url", "curl $URL", "holds a variable"},
		{"curl-variable-body", `curl -d "$BODY" http://h/`, "holds a variable"},
		{"curl-quote", "curl 'http://h/", "a quote is not closed"},
		{"curl-option", "curl --nonsense http://h/", "--nonsense is not known here"},
		{"curl-letter", "curl -+ http://h/", "-+ is not known here"},
		{"curl-value", "curl http://h/ -H", "-H has no value"},
		{"curl-scheme", "curl file:///etc/passwd", "neither http nor https"},
		{"curl-here-document", "curl -d @- http://h/ <<X\nabc", "has no end"},
		{"curl-here-document-open", "curl -d @- http://h/ <<X\n$abc\nX\n", "is not quoted"},
		{"curl-values", "printf '%s' a b | curl -d @- http://h/", "more values than its format takes"},
		{"curl-verb", "printf '%d' 1 | curl -d @- http://h/", "%d is not known here"},
		{"list-of-lists", `[[{"method":"GET","headers":{}}]]`, "element 1: read as JSON: array where an object belongs"},
		{"curl-second", "curl http://h/\ncurl -d @x http://h/", "command 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, err := httptext.Parse([]byte(tt.in))
			if err == nil || !strings.Contains(err.Error(), tt.want) || d != nil {
				t.Errorf("Parse(%.80q) = %v, error %v, want %q", tt.in, d, err, tt.want)
			}
		})
	}
}

func TestSeveral(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in string }{
		{"raw", "POST /1 HTTP/1.1\nContent-Length: 1\n\na\n###\nPOST /2 HTTP/1.1\n\nb\n\n### third\n\nPOST /3 HTTP/1.1\n\nc"},
		{"curl", "curl http://h/1 -d a\n# comment\ncurl http://h/2 -d b; curl http://h/3 -d c"},
		{"curl-next", "curl http://h/1 -d a --next http://h/2 -d b -: http://h/3 -d c"},
		{"lines", `{"kind":"ready","url":"x"}` + "\n" + `{"method":"POST","path":"/1","headers":{},"body":"a"}` + "\n\n" +
			`{"method":"POST","path":"/2","headers":{},"body":"b"}` + "\n" + `{"method":"POST","path":"/3","headers":{},"body":"c"}`},
		{"list", `[{"method":"POST","path":"/1","headers":{},"body":"a"},{"method":"POST","path":"/2","headers":{},"body":"b"},{"method":"POST","path":"/3","headers":{},"body":"c"}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check := func(how string, paths, bodies []string, err error) {
				t.Helper()
				if err != nil || strings.Join(paths, " ") != "/1 /2 /3" || strings.Join(bodies, " ") != "a b c" {
					t.Errorf("%s: %q %q %v", how, paths, bodies, err)
				}
			}
			var paths, bodies []string
			all, err := httptext.ParseAll([]byte(tt.in))
			for _, d := range all {
				paths, bodies = append(paths, d.Path), append(bodies, string(d.Body))
			}
			check("ParseAll", paths, bodies, err)
			paths, bodies = nil, nil
			err = httptext.Read(strings.NewReader(tt.in), func(i httptext.Item) error {
				paths, bodies = append(paths, i.Delivery.Path), append(bodies, string(i.Delivery.Body))
				return nil
			})
			check("Read", paths, bodies, err)
		})
	}
}

func TestAttemptsOnLines(t *testing.T) {
	t.Parallel()
	in := `{"kind":"delivery","id":"dlv_1","direction":"received","method":"POST","path":"/","headers":[],"body":"a","received_at":"2026-11-21T14:03:05.000000Z","attempts":[]}` + "\n" +
		`{"kind":"attempt","delivery_id":"dlv_1","number":1,"url":"http://h/","at":"2026-11-21T14:03:05.100000Z","status":200,"duration_ms":3.1,"error":null,"response":{"status":200,"headers":[],"body":"ok"}}` + "\n"
	all, err := httptext.ParseAll([]byte(in))
	if err != nil || len(all) != 1 || len(all[0].Attempts) != 1 || all[0].Attempts[0].Response.Status != 200 {
		t.Errorf("ParseAll = %+v, %v", all, err)
	}
}

// TestUTF16: PowerShell redirects into files of UTF-16.
func TestUTF16(t *testing.T) {
	t.Parallel()
	line := `{"id":"dlv_01m7z6edrsrm5v5dmhsqs60j6x","direction":"received","method":"POST","path":"/é😀","headers":[],"body":"a","received_at":"2026-11-21T14:03:05.000000Z","attempts":[]}` + "\r\n"
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		for form, in := range map[string]string{"lines": line + line, "curl": "curl http://h/é😀 -d a", "raw": "POST /é😀 HTTP/1.1\r\nHost: h\r\n\r\na"} {
			text := []byte(mark)
			for _, unit := range utf16.Encode([]rune(in)) {
				if mark == "\xff\xfe" {
					text = binary.LittleEndian.AppendUint16(text, unit)
				} else {
					text = binary.BigEndian.AppendUint16(text, unit)
				}
			}
			var got, want []httptext.Item
			keep := func(to *[]httptext.Item) func(httptext.Item) error {
				return func(i httptext.Item) error { *to = append(*to, i); return nil }
			}
			if err := httptext.Read(bytes.NewReader(text), keep(&got)); err != nil {
				t.Errorf("%s, marked %q: %v", form, mark, err)
			}
			if err := httptext.Read(strings.NewReader(in), keep(&want)); err != nil || len(want) == 0 || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, marked %q: read %+v, want %+v, %v", form, mark, got, want, err)
			}
		}
	}
	if _, err := httptext.Parse([]byte("\xff\xfe{")); err == nil {
		t.Error("half a character was read")
	}
}

// TestLargeTexts: whatever is in a large text, it is read or refused soon. It is not
// parallel, since it measures.
func TestLargeTexts(t *testing.T) {
	const size = httptext.MaxSize / 16 // a part of what is allowed, so that the test does not take long
	fill := func(s string) string { return strings.Repeat(s, size/len(s)) }
	for name, in := range map[string]string{
		"separators":   "POST / HTTP/1.1\n" + fill("\n###"),
		"requests":     fill("GET / HTTP/1.1\nContent-Length: 0\n\n###\n"),
		"headers":      "GET / HTTP/1.1\n" + fill("A: b\n"),
		"chunks":       "POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n" + fill("1\na\n"),
		"backslashes":  "curl ^\"" + fill(`\`),
		"quotes":       "curl -d '" + fill(`'\''`),
		"carets":       "curl ^\"^\n" + fill("^\""),
		"here-strings": "curl.exe " + fill("@'\na\n'@ "),
		"nested":       "curl " + fill("$(printf "),
		"printf":       "printf '" + fill("%s") + "' | curl -d @- http://h/",
		"braces":       fill("["),
		"objects":      "[" + fill("{},") + "{}]",
		"deep-lists":   strings.Repeat("[", 60) + fill(" ") + strings.Repeat("]", 60),
		"har":          `{"log":{"entries":[` + fill(`{"request":{"method":"GET","url":"http://h/","headers":[]}},`) + `{"request":{"method":"GET","url":"http://h/","headers":[]}}]}}`,
		"body":         `{"method":"POST","headers":[],"body":"` + fill("x") + `"}`,
		"lines":        fill(`{"method":"POST","headers":[],"body":"x"}` + "\n"),
	} {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		n := 0
		err := httptext.Read(strings.NewReader(in), func(httptext.Item) error { n++; return nil })
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		t.Logf("%s: %v, %d MiB allocated in all, %d requests, %.100v", name, took, (after.TotalAlloc-before.TotalAlloc)>>20, n, err)
		if took > 20*time.Second { // a hundred times what it takes: machines are busy
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestReadIsLimited(t *testing.T) {
	t.Parallel()
	each := func(httptext.Item) error { return nil }
	endless := strings.NewReader("POST / HTTP/1.1\n\n" + strings.Repeat("x", httptext.MaxSize))
	if err := httptext.Read(endless, each); err == nil || !strings.Contains(err.Error(), "larger than 32 MiB") {
		t.Errorf("Read of more than 32 MiB: %v", err)
	}
	if _, err := httptext.ParseAll(make([]byte, httptext.MaxSize+1)); err == nil || !strings.Contains(err.Error(), "larger than 32 MiB") {
		t.Errorf("ParseAll of more than 32 MiB: %v", err)
	}
	line := strings.NewReader(`{"id":"dlv_1","method":"POST","headers":[],"body":"` + strings.Repeat("x", 41<<20))
	if err := httptext.Read(line, each); err == nil || !strings.Contains(err.Error(), "line 1: it is longer than 40 MiB") {
		t.Errorf("Read of a line of more than 40 MiB: %v", err)
	}
}
