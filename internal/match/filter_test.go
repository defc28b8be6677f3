package match_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func delivery(body string) *webhook.Delivery {
	return &webhook.Delivery{
		ID: "dlv_1", Method: "POST", Provider: "canvelete", EventType: "render.completed",
		Header: http.Header{"Content-Type": {"application/json"}, "X-Custom": {"a"}}, Body: []byte(body),
	}
}

const order = `{"id":"evt_1","data":{"order_id":1234,"total":10.50,"big":12345678901234567890,"name":"a=b","items":[{"sku":"x"},{"sku":"y"}],"gone":null,"ok":true,"a.b":{"c":1}}}`

func TestFilter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, filter string
		want         bool
		note         string
	}{
		{"equal", `.data.order_id == 1234`, true, ""},
		{"different", `.data.order_id == 1235`, false, ""},
		{"missing", `.data.nothing`, false, ""},
		{"null", `.data.gone`, false, ""},
		{"empty", `empty`, false, ""},
		{"select", `select(.data.total > 10)`, true, ""},
		{"any-result", `.data.items[].sku == "y"`, true, ""},
		{"zero-is-true", `0`, true, ""},
		{"regular-expression", `.id | test("^evt_[0-9]+$")`, true, ""},
		{"delivery", `$delivery.provider == "canvelete" and $delivery.method == "POST"`, true, ""},
		{"delivery-header", `$delivery.headers | any(.[0] == "X-Custom" and .[1] == "a")`, true, ""},
		{"big-number", `.data.big == 12345678901234567890`, true, ""},
		{"big-number-text", `.data.big | tostring == "12345678901234567890"`, true, ""},
		{"product", `.data.order_id * 2 == 2468`, true, ""},
		{"product-of-text", `("ab" * 3) == "ababab" and (3 * "ab") == "ababab"`, true, ""},
		{"product-of-objects", `({a: {b: 1}} * {a: {c: 2}}) == {a: {b: 1, c: 2}}`, true, ""},
		{"product-in-place", `(.data.total *= 2 | .data.total) == 21`, true, ""},
		{"product-in-function", `def twice: . * 2; .data.order_id | twice == 2468`, true, ""},
		{"dates", `"2026-11-21T14:03:05Z" | fromdate == 1795269785`, true, ""},
		{"fails", `.data.order_id.x`, false, "expected an object"},
		{"fails-after-a-match", `true, error("x")`, true, ""},
		{"error", `error("\u001b[2J")`, false, `error: \x1b[2J`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := match.Compile(tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			got, note := f.Match(delivery(order))
			if got != tt.want || !strings.Contains(note, tt.note) || (note == "") != (tt.note == "") {
				t.Errorf("Match = %v, %q, want %v, %q", got, note, tt.want, tt.note)
			}
		})
	}
}

func TestFilterIsRefused(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{
		"", "  ", ".a |", "nothing", "$nothing", "now", "[1, {a: now}]", "env.HOME", "$ENV.HOME", "input", "[inputs]",
		"localtime", "1 | strflocaltime(\"%H\")", "input_line_number", "debug", "halt", `halt_error(1)`, "_multiply(\"x\"; 9)",
		`import "a" as a; .`, `include "a"; .`, `. as [$a, {b: $c}] | "\(now)"`, `reduce .[] as $x (now; .)`, `if now then 1 else 2 end`,
		`.[now]`, `.[now:]`, `{(now|tostring): 1}`, `try now catch 1`, `def f: now; f`, strings.Repeat("1+", 10_000) + "1",
	} {
		if f, err := match.Compile(filter); err == nil || f != nil {
			t.Errorf("Compile(%.60q) = %v, %v", filter, f, err)
		}
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	_, _ = w.Write([]byte(order))
	_ = w.Close()
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	tests := []struct {
		name   string
		header http.Header
		body   string
		filter string
		note   string
	}{
		{"compressed", http.Header{"Content-Encoding": {"gzip"}}, packed.String(), `.id == "evt_1"`, ""},
		{"compressed-wrongly", http.Header{"Content-Encoding": {"gzip"}}, order, `true`, "not expanded"},
		{"form", form, "command=%2Fweather&text=a+b&x=1&x=2", `.command == "/weather" and .text == "a b" and .x == ["1", "2"]`, ""},
		{"text", nil, "hello", `. == "hello"`, ""},
		{"empty", nil, "", `. == ""`, ""},
		{"bytes", nil, "\xff\x00", `. == null`, ""},
		{"byte-order-mark", nil, "\ufeff" + order, `.id == "evt_1"`, ""},
		{"two-values", nil, `{} {}`, `. == "{} {}"`, ""},
		{"large", nil, strings.Repeat(" ", 4<<20) + "{}", `true`, "larger than 4 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f, err := match.Compile(tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			got, note := f.Match(&webhook.Delivery{Header: tt.header, Body: []byte(tt.body)})
			if got != (tt.note == "") || !strings.Contains(note, tt.note) {
				t.Errorf("Match = %v, %q, want note %q", got, note, tt.note)
			}
		})
	}
	// At the limit it is looked at, if the machine is not too busy for that.
	all, err := match.Compile("true")
	if err != nil {
		t.Fatal(err)
	}
	if ok, note := all.Match(&webhook.Delivery{Body: []byte(strings.Repeat(" ", 4<<20-2) + "{}")}); !ok && strings.Contains(note, "larger") {
		t.Errorf("a payload of 4 MiB: %q", note)
	}
	f, err := match.Compile("$delivery")
	if err != nil {
		t.Fatal(err)
	}
	d := delivery("{}")
	d.Attempts = []webhook.Attempt{{Response: &webhook.Response{Body: make([]byte, 5<<20)}}}
	if ok, note := f.Match(d); ok || !strings.Contains(note, "delivery is larger") {
		t.Errorf("a delivery with a large answer: %v, %q", ok, note)
	}
}

// TestEndlessFilters: whatever an expression does, it ends as no match, with a
// note, in about the time it has.
func TestEndlessFilters(t *testing.T) {
	t.Parallel()
	for name, filter := range map[string]string{
		"endless":            `def f: f; f`,
		"endless-results":    `repeat(false)`,
		"long-array":         `[range(1e9)] | length == 0`,
		"long-string":        `"x" * 2000000000 | length == 0`,
		"longer-string":      `reduce range(60) as $i ("x"; . + .) | length == 0`,
		"string-in-place":    `{a: "xxxx"} | .a *= 1000000000 | .a == ""`,
		"exponential":        `def f(n): if n == 0 then 1 else f(n-1) + f(n-1) end; f(60) == 0`,
		"combinations":       `[[range(10)] | combinations(12)] | length == 0`,
		"expensive-pattern":  `[range(100000)] | map(tostring) | join("a") | test("(((a+)+)+)+$|([0-9]{1,1000}){2,}b")`,
		"million-paths":      `[paths] | length == 0`,
		"until":              `1 | until(false; . + 1)`,
		"recursion":          `def f: [f]; f`,
		"exponential-values": `reduce range(40) as $i ([1]; [., .]) | tojson | length == 0`,
	} {
		t.Run(name, func(t *testing.T) {
			f, err := match.Compile(filter)
			if err != nil {
				t.Fatal(err)
			}
			body := order
			if name == "million-paths" {
				body = "[" + strings.Repeat("[],", 1_000_000) + "[]]"
			}
			start := time.Now()
			ok, note := f.Match(delivery(body))
			took := time.Since(start)
			t.Logf("%v, %q", took, note)
			if ok || note == "" || strings.Contains(note, "context") {
				t.Errorf("Match = %v, %q", ok, note)
			}
			if took > 30*time.Second { // 250 ms where the machine is not busy
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestWhere(t *testing.T) {
	t.Parallel()
	tests := []struct {
		expr string
		want bool
	}{
		{"data.order_id=1234", true},
		{".data.order_id=1234", true},
		{"$.data.order_id=1234", true},
		{"data.order_id=1234.0", true},
		{"data.order_id=1.234e3", true},
		{"data.order_id=123", false},
		{"data.order_id!=123", true},
		{"data.order_id!=1234", false},
		{"data.total=10.5", true},
		{"data.big=12345678901234567890", true},
		{"data.big=12345678901234567891", false},
		{"data.name=a=b", true},
		{"data.ok=true", true},
		{"data.ok=1", false},
		{"data.gone=null", true},
		{"data.gone=", false},
		{"data.nothing=null", false},
		{"data.nothing!=x", true},
		{"data.items[1].sku=y", true},
		{"data.items[*].sku=y", true},
		{"data.items[*].sku=z", false},
		{`data["a.b"].c=1`, true},
		{"id=evt_1", true},
		{"id=EVT_1", false},
	}
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			t.Parallel()
			f, err := match.Where(tt.expr)
			if err != nil {
				t.Fatal(err)
			}
			if got, note := f.Match(delivery(order)); got != tt.want || note != "" {
				t.Errorf("Match = %v, %q, want %v", got, note, tt.want)
			}
		})
	}
	for _, bad := range []string{"", "data.order_id", "=1", "!=1", "data[=1", "data..x=1", `data["a=b"]`} {
		if f, err := match.Where(bad); err == nil || f != nil {
			t.Errorf("Where(%q) = %v, %v", bad, f, err)
		}
	}
}

// FuzzFilter: an expression either does not compile or ends, with at most one
// of a match and a note.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{".a", `.data.items[] | select(.sku == "x")`, `"x" * 9`, `.a *= 2`, `def f: f; 1`, `$delivery`, `.. | numbers`, `try error catch .`} {
		f.Add(s, order)
	}
	f.Fuzz(func(t *testing.T, expr, body string) {
		if len(expr) > 200 || len(body) > 2000 {
			return
		}
		filter, err := match.Compile(expr)
		if err != nil {
			return
		}
		if ok, note := filter.Match(delivery(body)); ok && note != "" {
			t.Errorf("%q on %q: a match with the note %q", expr, body, note)
		}
	})
}

func BenchmarkFilter(b *testing.B) {
	f, err := match.Compile(".data.order_id == 1234")
	if err != nil {
		b.Fatal(err)
	}
	w, err := match.Where("data.order_id=1234")
	if err != nil {
		b.Fatal(err)
	}
	for name, filter := range map[string]*match.Filter{"filter": f, "where": w} {
		b.Run(name, func(b *testing.B) {
			d := delivery(order)
			for b.Loop() {
				if ok, note := filter.Match(d); !ok {
					b.Fatal(note)
				}
			}
		})
	}
}
