package scenario_test

import (
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/scenario"
)

// Each mistake is told at its place, with the word that was probably meant.
func TestProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, want string }{
		"empty":         {"", "1:1: there is no scenario in it; hooks test --init writes a first one"},
		"comment":       {"# nothing\n---\n", "1:1: there is no scenario in it; hooks test --init writes a first one"},
		"not-yaml":      {"steps:\n  - send: \"x\n", "1: not YAML: "},
		"list":          {"- a", "1:1: a scenario is a mapping of KEY: VALUE, not a list"},
		"no-steps":      {"name: x", "1:7: a scenario without steps: add steps:"},
		"steps-text":    {"steps: x", "1:8: steps is a list, not text: begin each step with a dash"},
		"steps-empty":   {"steps: []", "1:8: a scenario without steps"},
		"key":           {"stps: []\nsteps: [{wait: 1s}]", "1:1: a scenario has no key \"stps\"; did you mean steps?"},
		"twice":         {"name: a\nname: b\nsteps: [{wait: 1s}]", "2:1: \"name\" is there twice"},
		"step-text":     {"steps: [x]", "1:9: a step is a mapping of KEY: VALUE, not text"},
		"step-empty":    {"steps: [{}]", "1:9: a step that does nothing: it needs one of send, request, receive, wait"},
		"step-typo":     {"steps: [{sedn: a.b}]", "1:10: a step has no key \"sedn\"; did you mean send?"},
		"two-kinds":     {"steps: [{send: a.b, wait: 1s}]", "1:21: a step is one of send, request, receive, wait, and this one is send and wait"},
		"wrong-kind":    {"steps: [{wait: 1s, tamper: body}]", "1:20: a wait step has no key \"tamper\"; it has name, as, wait"},
		"no-event":      {"steps: [{send: }]", "1:9: which event? send: TYPE, or data: with the body"},
		"tamper":        {"steps: [{send: a, tamper: sig}]", "1:27: tamper: \"sig\"; did you mean signature?"},
		"both-faults":   {"steps: [{send: a, tamper: body, unsigned: true}]", "1:27: tamper and unsigned exclude each other"},
		"bool":          {"steps: [{send: a, unsigned: yes}]", "1:29: unsigned: \"yes\" is neither true nor false"},
		"duration":      {"steps: [{wait: soon}]", "1:16: wait: \"soon\" is no duration"},
		"number":        {"steps: [{send: a, duplicate: -1}]", "1:30: duplicate: \"-1\" is no number from 0"},
		"seed":          {"steps: [{send: a, seed: x}]", "1:25: seed: \"x\" is no whole number"},
		"scale":         {"steps: [{send: a, retry: true, time-scale: 0}]", "1:44: time-scale: \"0\" is no number above 0"},
		"scale-alone":   {"steps: [{send: a, time-scale: 9}]", "1:19: time-scale changes the schedule of retry"},
		"set":           {"steps: [{send: a, set: x}]", "1:24: set is a mapping of PATH: VALUE, not text"},
		"set-path":      {"steps: [{send: a, set: {'a[': 1}}]", "1:25: "},
		"status":        {"steps: [{send: a, expect: {status: 6xx}}]", "1:36: status: \"6xx\" is no status such as 401 or 4xx"},
		"expect-key":    {"steps: [{send: a, expect: {statsu: 200}}]", "1:28: expect has no key \"statsu\"; did you mean status?"},
		"body-regexp":   {"steps: [{send: a, expect: {body: {matches: '('}}}]", "1:44: matches: "},
		"filter":        {"steps: [{send: a, expect: {filter: '.a['}}]", "1:36: filter: "},
		"where":         {"steps: [{receive: a, where: [x]}]", "1:30: \"x\" is no condition: write PATH=VALUE or PATH!=VALUE"},
		"where-text":    {"steps: [{receive: a, where: a=1}]", "1:29: where is a mapping of PATH: VALUE, or a list of PATH=VALUE, not text"},
		"amounts":       {"steps: [{receive: a, count: 2, absent: true}]", "1:32: count and absent exclude each other"},
		"after":         {"steps: [{receive: a, after: x}]", "1:29: after: no earlier step is called \"x\" (as:)"},
		"request":       {"steps: [{request: get :3000}]", "1:19: \"get :3000\" is no request: write for example GET :3000/orders/42"},
		"request-url":   {"steps: [{request: GET ftp://x}]", "1:19: "},
		"link":          {"steps: [{send: '${a'}]", "1:16: \"${a\" does not end"},
		"link-unknown":  {"vars: {design: x}\nsteps: [{send: '${desing}'}]", "2:16: ${desing}: nothing is called \"desing\"; did you mean design?"},
		"link-later":    {"steps: [{send: '${b.id}'}, {send: x, as: b}]", "1:16: ${b.id}: the step b comes later"},
		"link-itself":   {"steps: [{send: '${b.id}', as: b}]", "1:16: ${b.id}: nothing is called \"b\" here"},
		"link-field":    {"steps: [{send: x, as: b}, {send: '${b.evnt_id}'}]", "1:34: ${b.evnt_id}: a step has no \"evnt_id\"; did you mean event_id?"},
		"link-header":   {"steps: [{send: x, as: b}, {send: '${b.headers}'}]", "1:34: ${b.headers} names no header"},
		"link-env":      {"steps: [{send: '${env}'}]", "1:16: ${env} names no variable: write ${env.NAME}"},
		"link-in-data":  {"steps: [{data: {a: ['${x}']}, send: }]", "1:21: ${x}: nothing is called \"x\" here"},
		"name-taken":    {"steps: [{send: x, as: b}, {send: y, as: b}]", "1:27: the name \"b\" is taken"},
		"name-form":     {"steps: [{send: x, as: a b}]", "1:23: \"a b\" cannot be the name of a step"},
		"var-env":       {"vars: {env: x}\nsteps: [{wait: 1s}]", "1:8: \"env\" cannot be the name of a variable"},
		"same-names":    {"name: a\nsteps: [{wait: 1s}]\n---\nname: a\nsteps: [{wait: 1s}]", "4:7: a second scenario is called \"a\""},
		"second-place":  {"steps: [{wait: 1s}]\n---\nsteps: [{wait: x}]", "3:16: wait: \"x\" is no duration"},
		"aliases":       {bomb(), "aliases stand for more than 1000 values"},
		"deep":          {"steps: [{send: , data: " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}]", "nested deeper than 64"},
		"duplicate-key": {"steps: [{send: , data: {a: 1, a: 2}}]", "1:31: \"a\" is there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := scenario.Parse("f.yaml", []byte(c.file))
			if len(problems) == 0 {
				t.Fatalf("Parse found no mistake, want %s", c.want)
			}
			if got := problems[0].Error(); !strings.HasPrefix(got, "f.yaml:") || !strings.Contains(got, c.want) {
				t.Errorf("Parse says %s, want %s", got, c.want)
			}
		})
	}
}

// bomb is a file that is small and stands for millions of values.
func bomb() string {
	var b strings.Builder
	b.WriteString("x-a: &a [1,1,1,1,1,1,1,1,1,1]\n")
	for c := 'b'; c < 'k'; c++ {
		before := string(c - 1)
		b.WriteString("x-" + string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+before+",", 10) + "]\n")
	}
	return b.String() + "steps: [{send: , data: *j}]\n"
}

// All mistakes of a file are told, in their order.
func TestEveryProblem(t *testing.T) {
	t.Parallel()
	_, problems := scenario.Parse("f.yaml", []byte("x: 1\nsteps:\n- wait: x\n- sendd: y\n- send: a\n  y: 1\n"))
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	if len(lines) != 4 || lines[0] != 1 || lines[1] != 3 || lines[2] != 4 || lines[3] != 6 {
		t.Errorf("problems in the lines %v, want 1 3 4 6: %v", lines, problems)
	}
}

func TestReceives(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]bool{
		"steps: [{send: a.b}]":                              false,
		"steps: [{receive: a.b}]":                           true,
		"steps: [{send: a.b, to: '${listen}/x'}]":           true,
		"steps: [{send: , data: {a: [{b: '${listen}'}]}}]":  true,
		"to: '${listen}'\nsteps: [{send: a.b}]":             true,
		"vars: {x: 'a ${listen}'}\nsteps: [{send: a.b}]":    true,
		"vars: {listens: x}\nsteps: [{send: '${listens}'}]": false,
	} {
		list, problems := scenario.Parse("f", []byte(file))
		if len(problems) > 0 || list[0].Receives() != want {
			t.Errorf("%s: %v, want %v", file, problems, want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	list, problems := scenario.Parse("dir/orders.yaml", []byte(
		"x-note: mine\nsteps: [{wait: 1s}]\n---\nname: Second\nsteps: [{send: [a, b]}, {request: GET :1/x}, {receive: c, name: mine}]\n---\nsteps: [{wait: 2s}]\n"))
	if len(problems) > 0 || len(list) != 3 {
		t.Fatalf("Parse = %d scenarios, %v", len(list), problems)
	}
	var names []string
	for _, s := range list {
		names = append(names, s.Name)
		for _, st := range s.Steps {
			names = append(names, st.Name)
		}
	}
	if got := strings.Join(names, "|"); got != "orders|wait 1s|Second|send a, b|GET :1/x|mine|orders 3|wait 2s" {
		t.Errorf("names = %s", got)
	}
	if list[0].Receives() || !list[1].Receives() {
		t.Error("only the second waits for captures")
	}
}

// FuzzParse: a file is either a scenario or has a mistake at a place in it.
func FuzzParse(f *testing.F) {
	f.Add("name: x\nto: :3000\nvars: {a: '${env.B}'}\nsteps:\n- {send: a.b, as: one, set: {x: '${a}'}, expect: {status: [2xx], where: {a: b}, body: {matches: x}}}\n- {receive: '*', after: one, filter: .a}\n- {request: GET :1, data: {a: ['${one.body.x}', 1.50, null]}}\n")
	f.Add("steps: [{wait: 1s}]\n---\n&a [*a]")
	f.Add("steps: [{send: , data: '$${x} ${one.headers.X}'}]")
	f.Fuzz(func(t *testing.T, text string) {
		list, problems := scenario.Parse("f", []byte(text))
		if len(list) == 0 && len(problems) == 0 {
			t.Error("neither a scenario nor a mistake")
		}
		lines := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + strings.Count(text, "\u0085") + 1
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Line > lines+1 || p.Message == "" {
				t.Errorf("problem %+v in %d lines", p, lines)
			}
		}
	})
}
