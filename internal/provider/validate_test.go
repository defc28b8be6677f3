package provider_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
)

const acme = `id: acme
name: Acme
x-mine: {anything: goes}
schemes:
- algorithm: hmac-sha256
  _note: also mine
  signature: {in: header:X-Acme-Signature}
  timestamp:
    tolerance: {value: 5m, assumed: true}
event: {id: $.id, type: $.type}
delivery:
  timeout: {value: 30s, assumed: true, source: guess}
  schedule: [0s, 1m]
events:
- type: order.created
  sample: |
    {
      "id": "{{id}}",
      "type": "order.created",
      "n": {{int 1 9}}
    }
`

// TestValidate: a mistake is told with its line and column, and what was
// probably meant.
func TestValidate(t *testing.T) {
	t.Parallel()
	if got := provider.Validate([]byte(acme)); len(got) != 0 {
		t.Fatalf("Validate = %v", got)
	}
	for _, tc := range []struct{ old, new, want string }{
		{"name: Acme", "nmae: Acme", `2:1: unknown field "nmae"; did you mean name?`},
		{"algorithm: hmac-sha256", "algorithm: hmac-sha265", `5:14: schemes[0].algorithm: "hmac-sha265" is no known algorithm; did you mean hmac-sha256?`},
		{"  signature: {in:", "  signature: {inn:", `7:15: unknown field "inn" in schemes[0].signature; did you mean in?`},
		{"in: header:X-Acme-Signature", "in: X-Acme-Signature", `7:19: schemes[0].signature.in: "X-Acme-Signature" is not a place`},
		{"in: header:X-Acme-Signature", "encoding: hex", `7:14: schemes[0].signature.in: it is missing`},
		{"tolerance: {value: 5m,", "tolerance: {value: 5,", `9:24: "5" is no duration`},
		{"tolerance: {value: 5m,", "tolerance: {val: 5m,", `9:17: unknown field "val" in schemes[0].timestamp.tolerance; did you mean value?`},
		{"assumed: true, source", "assumed: maybe, source", `12:34: "maybe" is neither true nor false`},
		{"schedule: [0s, 1m]", "schedule: {a: 1}", `unknown field "a" in delivery.schedule; known are value, assumed, source`},
		{"schedule: [0s, 1m]", "schedule: [0s, soon]", `13:18: "soon" is no duration`},
		{"event: {id: $.id", "event: {id: '$.id['", `10:13: event.id: path "$.id["`},
		{"- type: order.created\n", "- summary: x\n", `15:3: events[0].type: it is missing`},
		{`"type": "order.created",`, `"type": "order.created"`, `20:7: events[0].sample: the sample is not JSON: ',' or '}' expected`},
		{`{{int 1 9}}`, `{{int 9 1}}`, `20:12: events[0].sample: {{int 9 1}}: int takes the smallest and the largest number`},
		{`{{int 1 9}}`, `{{foo}}`, `{{foo}}: no such value`},
		{`{{int 1 9}}`, `{{alnum 5}}`, `16:11: events[0].sample: a sample of it is not JSON`},
		{"id: acme\n", "id: Acme Inc\n", `1:5: id: "Acme Inc" must be lower-case`},
		{"id: acme\n", "", `id: "" must be lower-case`},
		{"name: Acme", "name: [a]", `2:7: text expected, not a list`},
		{"name: Acme", "name: a\nname: b", `3:1: "name" stands here twice`},
		{"name: Acme", "rank: first", `2:7: "first" is no whole number`},
		{"event: {id", "event: [a]\nx: {id", `10:8: event must be a mapping, not a list`},
		{"id: $.id", "id: headr:X", `10:13: event.id: "headr:X" is not a place`},
		{"name: Acme", "name: \"", `18:1: mapping values are not allowed`},
		{"event: {id", "  - event: {id", `4:1: did not find expected key`},
		{"name: Acme", "checked: yesterday", `2:10: checked: "yesterday" is no day`},
		{"name: Acme", "request: {json: pretty}", `2:17: request.json: json: "pretty" is none of`},
		{"name: Acme", "request: {end: END}", `2:16: request.end: "END" is more than white space`},
	} {
		text := strings.Replace(acme, tc.old, tc.new, 1)
		var all []string
		for _, p := range provider.Validate([]byte(text)) {
			all = append(all, p.String())
		}
		if !strings.Contains(strings.Join(all, "\n"), tc.want) {
			t.Errorf("%q: %q, want %q", tc.new, all, tc.want)
		}
	}
}

// TestNamesReachFurther: a name that one field of a form gives can be used in
// the next one, and in a header.
func TestNamesReachFurther(t *testing.T) {
	t.Parallel()
	const text = "id: x\nevents:\n- type: t\n  headers: {X-Sid: '{{sid}}'}\n  form: {A: 'SM{{hex 4 as sid}}', B: '{{sid}}'}\n"
	p, err := load(t, provider.Source{Name: "x", Data: []byte(text)}).Get("x")
	if err != nil {
		t.Fatal(err)
	}
	ev, err := p.Build(provider.BuildOptions{Type: "t", At: at})
	if err != nil {
		t.Fatal(err)
	}
	sid := ev.Header.Get("X-Sid")
	if len(sid) != 4 || string(ev.Body) != "A=SM"+sid+"&B="+sid {
		t.Errorf("%s with %v", ev.Body, ev.Header)
	}
}

// TestValidateTellsAllMistakes at once, in the order of the lines.
func TestValidateTellsAllMistakes(t *testing.T) {
	t.Parallel()
	text := strings.NewReplacer("name:", "nmae:", "  timestamp:", "  timestmap:", "events:", "event_s:").Replace(acme)
	got := provider.Validate([]byte(text))
	if len(got) != 3 || got[0].Line != 2 || got[1].Line != 8 || got[2].Line != 14 {
		t.Errorf("Validate = %v", got)
	}
}

// TestHostileDefinitions end quickly with one problem.
func TestHostileDefinitions(t *testing.T) {
	t.Parallel()
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [*a%d, *a%[3]d, *a%[3]d, *a%[3]d, *a%[3]d, *a%[3]d, *a%[3]d, *a%[3]d, *a%[3]d]\n", i, i, i-1)
	}
	for what, text := range map[string]string{
		"nothing":            "",
		"only a comment":     "# x\n",
		"a million laughs":   laughs + "id: x\nname: x\nsources: *a11\n",
		"an alias to itself": "id: x\nsources: &s [*s]\n",
		"a million deep":     strings.Repeat("[", 1_000_000),
		"deep":               "x-a: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\nid: x\n",
		"a byte order mark":  "\xff\xfei\x00d\x00",
		"binary":             "\x00\x01\x02",
		"a list":             "- id: x\n",
		"text":               "hello",
		"too many events":    "id: x\nevents: 5\n",
	} {
		if got := provider.Validate([]byte(text)); len(got) == 0 {
			t.Errorf("%s is taken for a definition", what)
		}
	}
	if got := provider.Validate([]byte(strings.Repeat("\"\": x\n", 1000))); len(got) != 101 {
		t.Errorf("a thousand mistakes: %d are told", len(got))
	}
	if got := provider.Validate(make([]byte, 33<<20)); len(got) != 1 || !strings.Contains(got[0].Message, "MiB") {
		t.Errorf("33 MiB: %v", got)
	}
}

func TestUserDefinitions(t *testing.T) {
	t.Parallel()
	c := load(t, provider.Source{Name: "acme.yaml", Data: []byte(acme)}, provider.Source{Name: "mine.yaml", Data: []byte("id: canvelete\nname: Mine\n")})
	p, err := c.Get("acme")
	if err != nil || p.Origin != "acme.yaml" || len(p.Events) != 1 {
		t.Fatalf("Get = %+v, %v", p, err)
	}
	if p, err := c.Get("canvelete"); err != nil || p.Name != "Mine" || p.Origin != "mine.yaml" {
		t.Errorf("a definition does not replace the built-in one: %+v, %v", p, err)
	}
	if text, err := c.YAML("acme"); err != nil || string(text) != acme {
		t.Errorf("YAML = %q, %v", text, err)
	}
	_, err = provider.Load(provider.Source{Name: "bad.yaml", Data: []byte("id: x\nnmae: y\n")})
	var invalid *provider.InvalidError
	if !errors.As(err, &invalid) || err.Error() != `bad.yaml:2:1: unknown field "nmae"; did you mean name?` {
		t.Errorf("Load = %v", err)
	}
	_, err = provider.Load(provider.Source{Name: "a.yaml", Data: []byte(acme)}, provider.Source{Name: "b.yaml", Data: []byte(acme)})
	if !errors.As(err, &invalid) || !strings.Contains(err.Error(), "a.yaml") {
		t.Errorf("two definitions of one id: %v", err)
	}
}

// TestLayers: a definition of a higher layer counts, whichever comes first; a
// weak one replaces nothing.
func TestLayers(t *testing.T) {
	t.Parallel()
	source := func(name string, layer int, weak bool) provider.Source {
		return provider.Source{Name: name, Data: []byte("id: acme\nname: " + name + "\n"), Layer: layer, Weak: weak}
	}
	for _, tt := range []struct {
		want    string
		left    int
		sources []provider.Source
	}{
		{"high", 0, []provider.Source{source("low", 1, false), source("high", 2, false)}},
		{"high", 0, []provider.Source{source("high", 2, false), source("low", 1, false)}},
		{"low", 1, []provider.Source{source("low", 1, false), source("high", 2, true)}},
		{"high", 0, []provider.Source{source("high", 2, true)}},
	} {
		c := load(t, tt.sources...)
		if p, err := c.Get("acme"); err != nil || p.Name != tt.want || len(c.LeftOut()) != tt.left {
			t.Errorf("%+v: %v, %v, %d left out", tt.sources, p, err, len(c.LeftOut()))
		}
	}
}

// TestBuiltInDefinitionsAreValid as if a person had written them.
func TestBuiltInDefinitionsAreValid(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("data/*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range provider.Validate(data) {
			t.Errorf("%s:%s", name, p)
		}
	}
}

// TestEveryMistakeAtOnce: one mistake does not hide another, each has its place,
// and what follows from one is not told beside it.
func TestEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	const text = `id: Acme Inc
rank: high
schemes:
- algorithm: hmac-sha265
  signature: {in: header:X-Acme}
- algorithm: hmac-sha256
  content: "{body|sha265}"
  signature: {in: header:X-Acme}
  timestamp: {in: header:X-Time, tolerance: 5}
event: {id: "$.[id"}
delivery: {timeout: soon, success: 2x}
handshakes:
- body: "{query:challenge"
events:
- type: a.b
  sample: |
    {
      "id": "{{idd}}",
      "b": 1
    }
- type: a.b
  sample: |
    {"id": 1,,}
- sample: '{"x": "{{alnumm 3}}"}'
`
	var got []string
	for _, p := range provider.Validate([]byte(text)) {
		got = append(got, p.String())
	}
	want := []string{
		`1:5: id: "Acme Inc" must be`,
		`2:7: "high" is no whole number`,
		`4:14: schemes[0].algorithm: "hmac-sha265" is no known algorithm; did you mean hmac-sha256?`,
		`7:12: schemes[1].content: template`,
		`9:45: "5" is no duration`,
		`10:13: event.id: path "$.[id"`,
		`11:21: "soon" is no duration`,
		`11:36: delivery.success: "2x" is no status`,
		`13:3: handshakes[0].when: it is missing`,
		`13:9: handshakes[0].body: template`,
		`18:14: events[0].sample: {{idd}}: no such value; did you mean id?`,
		`21:9: events[1].type: "a.b" stands here twice`,
		`23:14: events[1].sample: the sample is not JSON`,
		`24:3: events[2].type: it is missing`,
		`24:11: events[2].sample: {{alnumm 3}}: no such value; did you mean alnum?`,
	}
	if len(got) != len(want) {
		t.Fatalf("%d problems, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasPrefix(got[i], want[i]) {
			t.Errorf("%s, want %s…", got[i], want[i])
		}
	}
}
