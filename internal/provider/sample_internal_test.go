package provider

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"
)

func testSampler() *sampler {
	return &sampler{
		rng: rand.New(rand.NewChaCha8([32]byte{1})), at: time.Date(2026, 2, 3, 4, 5, 6, 789_012_345, time.UTC),
		id: "evt_1", typ: "a.b", named: map[string]string{}, body: []byte(`{"a":{"b":7}}`),
	}
}

func TestSampleText(t *testing.T) {
	t.Parallel()
	values := map[string]string{"account": "acct_{{digits 4}}", "both": "{{account}}-{{account}}"}
	compiled := map[string]*sampleText{}
	for name, text := range values {
		c, err := parseSample(text, values)
		if err != nil {
			t.Fatal(err)
		}
		compiled[name] = c
	}
	for text, want := range map[string]string{
		"plain":                              "plain",
		"{{id}} {{ type }}":                  "evt_1 a\\.b",
		"{{time}}":                           "2026-02-03T04:05:06Z",
		"{{time s}} {{time ms}} {{time us}}": "1770091506 1770091506789 1770091506789012",
		"{{time rfc3339ms}}":                 "2026-02-03T04:05:06\\.789Z",
		"{{time rfc3339us}}":                 "2026-02-03T04:05:06\\.789012Z",
		"{{time rfc3339nano}}":               "2026-02-03T04:05:06\\.789012345Z",
		"{{time local}} {{time local-ms}}":   "2026-02-03T04:05:06 2026-02-03T04:05:06\\.789",
		"{{time local-us -5s}}":              "2026-02-03T04:05:01\\.789012",
		"{{time date +1d}} {{time http}}":    "2026-02-04 Tue, 03 Feb 2026 04:05:06 GMT",
		`{{time "2006/01/02 15:04 -0700"}}`:  "2026/02/03 04:05 \\+0000",
		"{{uuid}}":                           "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
		"{{hex 5}}{{digits 3}}{{letters 2}}": "[0-9a-f]{5}[0-9]{3}[A-Za-z]{2}",
		"{{alnum 4}}{{lower 4}}{{upper 4}}":  "[A-Za-z0-9]{4}[a-z0-9]{4}[A-Z0-9]{4}",
		"{{base64 3}} {{base64url 3}}":       "[A-Za-z0-9+/]{4} [A-Za-z0-9_-]{4}",
		"{{int 5 5}} {{int -3 -3}}":          "5 -3",
		`{{pick a}} {{pick "b c"}}`:          "a b c",
		"{{digits 1 as n}}{{n}}{{n}}":        "000|111|222|333|444|555|666|777|888|999",
		"{{account}} {{account}}":            "acct_(\\d{4}) acct_\\d{4}",
		"{{both}}":                           "acct_\\d{4}-acct_\\d{4}",
		"{{$.a.b}}{{$.missing}}":             "7",
	} {
		c, err := parseSample(text, values)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		s := testSampler()
		s.values = compiled
		got := string(c.append(nil, s))
		if s.err != nil || !regexp.MustCompile("^(?:"+want+")$").MatchString(got) {
			t.Errorf("%s = %q, %v, want %s", text, got, s.err, want)
		}
		if a, b, _ := strings.Cut(got, " "); strings.HasPrefix(text, "{{account}} ") && a != b {
			t.Errorf("a named value is two: %s", got)
		}
	}
	for _, text := range []string{"{{", "{{}}", "{{x}}", "{{hex}}", "{{hex 0}}", "{{hex 99999999}}", "{{hex 1 2}}", "{{int 2 1}}", "{{int 1}}", "{{pick}}", "{{time x}}", "{{time s 5s}}", "{{time s -x}}", `{{time "2006}}`, "{{n}}{{digits 1 as n}}", "{{uuid x}}", "{{$.a[}}"} {
		if _, err := parseSample(text, values); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}

func TestValuesThatNeedEachOther(t *testing.T) {
	t.Parallel()
	values := map[string]string{"a": "{{b}}", "b": "{{a}}"}
	s := testSampler()
	s.values = map[string]*sampleText{}
	for name, text := range values {
		c, err := parseSample(text, values)
		if err != nil {
			t.Fatal(err)
		}
		s.values[name] = c
	}
	s.ref("a")
	if s.err == nil {
		t.Error("two values that need each other are made")
	}
}

func TestRespace(t *testing.T) {
	t.Parallel()
	const sample = " { \"a\" : [ 1,{} , [] ],\n \"b\":\"x: y, {{hex 2 as n}} \\\" /é<\",\"c\":{{int 1 2}}, \"d\": {\"e\":null} }\n"
	for _, tc := range []struct {
		form   string
		escape []string
		want   string
	}{
		{"", nil, `{"a":[1,{},[]],"b":"x: y, {{hex 2 as n}} \" /é<","c":{{int 1 2}},"d":{"e":null}}`},
		{"compact", []string{"slash", "unicode", "html"}, `{"a":[1,{},[]],"b":"x: y, {{hex 2 as n}} \" \/\u00e9\u003c","c":{{int 1 2}},"d":{"e":null}}`},
		{"spaced", nil, `{"a": [1, {}, []], "b": "x: y, {{hex 2 as n}} \" /é<", "c": {{int 1 2}}, "d": {"e": null}}`},
		{"indent2", nil, "{\n  \"a\": [\n    1,\n    {},\n    []\n  ],\n  \"b\": \"x: y, {{hex 2 as n}} \\\" /é<\",\n  \"c\": {{int 1 2}},\n  \"d\": {\n    \"e\": null\n  }\n}"},
		{"verbatim", nil, strings.TrimSpace(sample)},
	} {
		got, err := respace(sample, tc.form, tc.escape)
		if err != nil || got != tc.want {
			t.Errorf("%s %v:\n%s\nwant\n%s (%v)", tc.form, tc.escape, got, tc.want, err)
		}
	}
	for _, form := range []string{"indent4", "tabs"} {
		if got, err := respace(`{"a":1}`, form, nil); err != nil || !strings.Contains(got, "\n") {
			t.Errorf("%s: %q, %v", form, got, err)
		}
	}
	if _, err := respace("{}", "pretty", nil); err == nil {
		t.Error("an unknown form is taken")
	}
	if _, err := respace("{}", "", []string{"all"}); err == nil {
		t.Error("an unknown escape is taken")
	}
}
