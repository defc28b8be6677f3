package scenario

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/match"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/spelling"
)

// The keys of a file.
const (
	scenarioKeys = "name to provider secret timeout vars steps"
	commonKeys   = "name as "
	sendKeys     = commonKeys + "send to provider secret data set set-new id timestamp age seed headers tamper unsigned " +
		"duplicate shuffle together retry time-scale chunked slow timeout expect"
	requestKeys = commonKeys + "request headers data timeout until expect"
	receiveKeys = commonKeys + "receive provider count exactly absent verified where filter within after"
	waitKeys    = commonKeys + "wait"
	answerKeys  = "status body where filter headers within"
	bodyKeys    = "equals contains matches"
	kinds       = "send request receive wait"
)

const usualWithin = 10 * time.Second

func (d *decoder) scenario(n *yaml.Node, index int) *Scenario {
	f, ok := d.mapping(n, "a scenario", words(scenarioKeys))
	if !ok {
		return nil
	}
	d.vars, d.steps, d.later, d.texts = nil, nil, nil, nil
	s := &Scenario{File: d.file, Name: nameOf(d.file, index), at: placeOf(n)}
	if v, ok := f["name"]; ok {
		s.Name, s.at, _ = d.scalar(v.value, "name")
	}
	if v, ok := f["vars"]; ok {
		d.variables(s, v.value)
	}
	for name, t := range map[string]*Text{"to": &s.to, "provider": &s.provider, "secret": &s.secret} {
		if v, ok := f[name]; ok {
			*t = d.textOf(v.value, name)
		}
	}
	if v, ok := f["timeout"]; ok {
		s.timeout = d.duration(v.value, "timeout")
	}
	v, ok := f["steps"]
	if !ok {
		d.problem(s.at, "a scenario without steps: add steps:")
		return s
	}
	d.allSteps(s, v.value)
	return s
}

func (d *decoder) variables(s *Scenario, n *yaml.Node) {
	fields, ok := d.mapping(n, "vars", nil)
	if !ok {
		return
	}
	for name, f := range fields {
		if !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`).MatchString(name) || name == rootEnv || name == rootListen {
			d.problem(placeOf(f.key), "%q cannot be the name of a variable: letters, digits, - and _, and neither env nor listen", name)
			continue
		}
		s.vars = append(s.vars, variable{name, d.textOf(f.value, "a variable")})
	}
	slices.SortFunc(s.vars, func(a, b variable) int { return strings.Compare(a.name, b.name) })
	for _, v := range s.vars {
		d.vars = append(d.vars, v.name) // after all have been read: they know only the environment
	}
}

func (d *decoder) allSteps(s *Scenario, n *yaml.Node) {
	at := placeOf(n)
	if n = d.resolve(n); n == nil {
		return
	}
	switch {
	case n.Kind != yaml.SequenceNode:
		d.problem(at, "steps is a list, not %s: begin each step with a dash", kindName(n))
		return
	case len(n.Content) == 0:
		d.problem(at, "a scenario without steps")
	case len(n.Content) > maxSteps:
		d.problem(at, "more than %d steps", maxSteps)
		return
	}
	for _, c := range n.Content {
		d.later = append(d.later, asOf(c))
	}
	for _, c := range n.Content {
		d.texts = nil
		d.later = d.later[1:]
		st := d.step(c)
		if st == nil {
			continue
		}
		st.texts = d.texts
		s.Steps = append(s.Steps, st)
		if st.as == "" {
			continue
		}
		if slices.Contains(d.steps, st.as) || slices.Contains(d.vars, st.as) || st.as == rootEnv || st.as == rootListen {
			d.problem(st.At, "the name %q is taken", st.as)
		}
		d.steps = append(d.steps, st.as)
	}
}

// asOf is the name that a step gives itself, so that a link to one that comes
// later can be told from a wrong one.
func asOf(n *yaml.Node) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "as" {
			return n.Content[i+1].Value
		}
	}
	return ""
}

// step reads one step. Which kind it is decides which keys it has.
func (d *decoder) step(n *yaml.Node) *Step {
	all, ok := d.mapping(n, "a step", nil)
	if !ok {
		return nil
	}
	st := &Step{At: placeOf(n)}
	var kind []string
	for _, name := range words(kinds) {
		if _, ok := all[name]; ok {
			kind = append(kind, name)
		}
	}
	switch {
	case len(kind) > 1:
		d.problem(placeOf(all[kind[1]].key), "a step is one of %s, and this one is %s", strings.Join(words(kinds), ", "), strings.Join(kind, " and "))
		return nil
	case len(kind) == 0:
		d.kindless(st.At, all)
		return nil
	}
	keys := map[string]string{"send": sendKeys, "request": requestKeys, "receive": receiveKeys, "wait": waitKeys}[kind[0]]
	f, _ := d.mapping(n, "a "+kind[0]+" step", words(keys))
	if v, ok := f["as"]; ok {
		st.as = d.label(v.value)
	}
	switch kind[0] {
	case "send":
		d.sendStep(st, f)
	case "request":
		d.requestStep(st, f)
	case "receive":
		d.receiveStep(st, f)
	case "wait":
		st.wait = d.duration(f["wait"].value, "wait")
		st.Name = "wait " + f["wait"].value.Value
	}
	if v, ok := f["name"]; ok {
		st.Name, _, _ = d.scalar(v.value, "name")
	}
	if v, ok := f["expect"]; ok {
		st.expect = d.answer(v.value)
	}
	return st
}

// kindless tells of a step that does nothing: one of its keys is probably
// misspelled.
func (d *decoder) kindless(at Place, all map[string]field) {
	for name, f := range all {
		if near := spelling.Nearest(name, words(kinds)); near != "" {
			d.problem(placeOf(f.key), "a step has no key %q; did you mean %s?", name, near)
			return
		}
	}
	d.problem(at, "a step that does nothing: it needs one of %s", strings.Join(words(kinds), ", "))
}

func (d *decoder) label(n *yaml.Node) string {
	s, at, ok := d.scalar(n, "as")
	if ok && !regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`).MatchString(s) {
		d.problem(at, "%q cannot be the name of a step: letters, digits, - and _", s)
	}
	return s
}

// texts that can hold links and are read in place of an empty Text.
func (d *decoder) into(f map[string]field, name string, t *Text) bool {
	v, ok := f[name]
	if ok {
		*t = d.textOf(v.value, name)
		d.texts = append(d.texts, t)
	}
	return ok
}

func (d *decoder) headersOf(f map[string]field) []header {
	v, ok := f["headers"]
	if !ok {
		return nil
	}
	fields, _ := d.mapping(v.value, "headers", nil)
	var out []header
	for name, one := range fields {
		h := header{name: name}
		if one.value.Tag != "!!null" { // nothing: the header is left out
			h.value = d.textOf(one.value, "the header "+name)
		}
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b header) int { return strings.Compare(a.name, b.name) })
	for i := range out {
		d.texts = append(d.texts, &out[i].value)
	}
	return out
}

func (d *decoder) sendStep(st *Step, f map[string]field) {
	s := &send{timeScale: 1}
	st.send = s
	d.eventTypes(st, f["send"].value)
	d.into(f, "to", &s.to)
	s.hasProvider, s.hasSecret = d.into(f, "provider", &s.provider), d.into(f, "secret", &s.secret)
	d.into(f, "id", &s.id)
	d.into(f, "timestamp", &s.timestamp)
	s.headers = d.headersOf(f)
	if v, ok := f["data"]; ok {
		s.data = d.document(v.value, 0)
	}
	if s.data == nil && len(s.types) == 0 {
		d.problem(st.At, "which event? send: TYPE, or data: with the body")
	}
	d.edits(s, f, "set", false)
	d.edits(s, f, "set-new", true)
	for name, p := range map[string]*time.Duration{"age": &s.age, "slow": &s.slow, "timeout": &s.timeout} {
		if v, ok := f[name]; ok {
			*p = d.duration(v.value, name)
		}
	}
	for name, p := range map[string]*bool{
		"unsigned": &s.unsigned, "chunked": &s.chunked, "shuffle": &s.shuffle, "together": &s.together, "retry": &s.retry,
	} {
		if v, ok := f[name]; ok {
			*p = d.flag(v.value, name)
		}
	}
	if v, ok := f["duplicate"]; ok {
		s.duplicate = d.count(v.value, "duplicate", 0)
	}
	d.sendNumbers(s, f)
	d.faults(s, f)
}

func (d *decoder) eventTypes(st *Step, n *yaml.Node) {
	at := placeOf(n)
	if n = d.resolve(n); n == nil {
		return
	}
	var list []*yaml.Node
	switch {
	case n.Kind == yaml.SequenceNode:
		list = n.Content
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
	case n.Kind == yaml.ScalarNode:
		list = []*yaml.Node{n}
	default:
		d.problem(at, "send is the type of an event, or a list of types, not a mapping")
	}
	var names []string
	st.send.types = make([]Text, len(list))
	for i, c := range list {
		st.send.types[i] = d.textOf(c, "the type of an event")
		d.texts = append(d.texts, &st.send.types[i])
		names = append(names, c.Value)
	}
	st.Name = strings.TrimSpace("send " + strings.Join(names, ", "))
}

func (d *decoder) sendNumbers(s *send, f map[string]field) {
	if v, ok := f["seed"]; ok {
		text, at, ok := d.scalar(v.value, "seed")
		n, err := strconv.ParseInt(text, 10, 64)
		if ok && err != nil {
			d.problem(at, "seed: %q is no whole number", text)
		}
		s.seed = &n
	}
	if v, ok := f["time-scale"]; ok {
		text, at, ok := d.scalar(v.value, "time-scale")
		n, err := strconv.ParseFloat(text, 64)
		if ok && (err != nil || n <= 0) {
			d.problem(at, "time-scale: %q is no number above 0", text)
		}
		s.timeScale = n
	}
}

func (d *decoder) faults(s *send, f map[string]field) {
	if v, ok := f["tamper"]; ok {
		text, at, ok := d.scalar(v.value, "tamper")
		if ok && !slices.Contains(outgoing.Faults(), text) {
			hint := "it is one of " + strings.Join(outgoing.Faults(), ", ")
			if near := spelling.Nearest(text, outgoing.Faults()); near != "" {
				hint = "did you mean " + near + "?"
			}
			d.problem(at, "tamper: %q; %s", text, hint)
		}
		s.fault = outgoing.Fault(text)
		if s.unsigned {
			d.problem(at, "tamper and unsigned exclude each other: nothing is signed that could be wrong")
		}
	}
	if v, ok := f["age"]; ok && s.unsigned {
		d.problem(placeOf(v.key), "age and unsigned exclude each other: no timestamp is signed")
	}
	if v, ok := f["time-scale"]; ok && !s.retry {
		d.problem(placeOf(v.key), "time-scale changes the schedule of retry: add retry: true")
	}
}

func (d *decoder) edits(s *send, f map[string]field, name string, create bool) {
	v, ok := f[name]
	if !ok {
		return
	}
	n := d.resolve(v.value)
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.problem(placeOf(n), "%s is a mapping of PATH: VALUE, not %s", name, kindName(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 { // in their order: one may go on from another
		key := n.Content[i]
		if _, err := payload.ParsePath(key.Value); err != nil {
			d.problem(placeOf(key), "%v", err)
			continue
		}
		s.edits = append(s.edits, edit{path: key.Value, value: d.document(n.Content[i+1], 0), create: create, at: placeOf(key)})
	}
}

func (d *decoder) requestStep(st *Step, f map[string]field) {
	r := &request{}
	st.request = r
	text, at, ok := d.scalar(f["request"].value, "request")
	if !ok {
		return
	}
	st.Name = text
	method, to, ok := strings.Cut(strings.TrimSpace(text), " ")
	if !ok || method != strings.ToUpper(method) || strings.Contains(method, "$") {
		d.problem(at, "%q is no request: write for example GET :3000/orders/42", text)
	}
	r.method, r.url = method, d.text(strings.TrimSpace(to), at)
	d.texts = append(d.texts, &r.url)
	if to, ok := r.url.literal(); ok && to != "" {
		if _, err := address.ParseURL(to); err != nil {
			d.problem(at, "%v", err)
		}
	}
	r.headers = d.headersOf(f)
	if v, ok := f["data"]; ok {
		r.data = d.document(v.value, 0)
	}
	if v, ok := f["timeout"]; ok {
		r.timeout = d.duration(v.value, "timeout")
	}
	if v, ok := f["until"]; ok {
		r.until = d.duration(v.value, "until")
	}
}

func (d *decoder) receiveStep(st *Step, f map[string]field) {
	r := &receive{least: 1, most: -1, within: usualWithin, at: placeOf(f["receive"].value)}
	st.receive = r
	st.Name = "receive " + f["receive"].value.Value
	r.pattern = d.textOf(f["receive"].value, "receive")
	d.texts = append(d.texts, &r.pattern)
	if p, ok := r.pattern.literal(); ok {
		if _, err := match.Parse(p, nil); err != nil {
			d.problem(r.at, "%v", err)
		}
	}
	if v, ok := f["provider"]; ok {
		r.provider, _, _ = d.scalar(v.value, "provider")
	}
	if v, ok := f["verified"]; ok {
		r.verified = d.flag(v.value, "verified")
	}
	if v, ok := f["within"]; ok {
		r.within = d.duration(v.value, "within")
	}
	if v, ok := f["after"]; ok {
		var at Place
		if r.after, at, ok = d.scalar(v.value, "after"); ok && !slices.Contains(d.steps, r.after) {
			d.problem(at, "after: no earlier step is called %q (as:)", r.after)
		}
	}
	d.amount(r, f)
	r.conditions = d.conditions(f)
}

// amount reads how many captures are wanted.
func (d *decoder) amount(r *receive, f map[string]field) {
	given := ""
	for _, name := range []string{"count", "exactly", "absent"} {
		v, ok := f[name]
		if !ok {
			continue
		}
		if given != "" {
			d.problem(placeOf(v.key), "%s and %s exclude each other", given, name)
		}
		given = name
		switch name {
		case "count":
			r.least = d.count(v.value, name, 1)
		case "exactly":
			r.least = d.count(v.value, name, 0)
			r.most = r.least
		case "absent":
			if d.flag(v.value, name) {
				r.least, r.most = 0, 0
			}
		}
	}
}

// conditions reads where: and filter:.
func (d *decoder) conditions(f map[string]field) (c conditions) {
	if v, ok := f["where"]; ok {
		c.at = placeOf(v.key)
		c.where = d.wheres(v.value)
	}
	if v, ok := f["filter"]; ok {
		t := d.textOf(v.value, "filter")
		if expr, ok := t.literal(); ok {
			if _, err := match.Compile(expr); err != nil {
				d.problem(t.at, "filter: %v", err)
			}
		}
		c.filter = &t
		d.texts = append(d.texts, &t)
	}
	return c
}

// wheres reads a mapping of PATH: VALUE, or a list of PATH=VALUE and
// PATH!=VALUE.
func (d *decoder) wheres(n *yaml.Node) (out []where) {
	at := placeOf(n)
	if n = d.resolve(n); n == nil {
		return nil
	}
	add := func(at Place, path string, not bool, value Text) {
		if _, err := payload.ParsePath(path); err != nil {
			d.problem(at, "%v", err)
			return
		}
		out = append(out, where{path: path, not: not, value: value})
	}
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			add(placeOf(n.Content[i]), n.Content[i].Value, false, d.textOf(n.Content[i+1], n.Content[i].Value))
		}
	case yaml.SequenceNode:
		for _, c := range n.Content {
			text, at, ok := d.scalar(c, "a condition")
			path, value, cut := strings.Cut(text, "=")
			if ok && !cut {
				d.problem(at, "%q is no condition: write PATH=VALUE or PATH!=VALUE", text)
				continue
			}
			path, not := strings.CutSuffix(path, "!")
			add(at, path, not, d.text(value, at))
		}
	default:
		d.problem(at, "where is a mapping of PATH: VALUE, or a list of PATH=VALUE, not text")
	}
	for i := range out {
		d.texts = append(d.texts, &out[i].value)
	}
	return out
}

// answer reads what is expected of an answer.
func (d *decoder) answer(n *yaml.Node) *answer {
	f, ok := d.mapping(n, "expect", words(answerKeys))
	if !ok {
		return nil
	}
	a := &answer{}
	if v, ok := f["status"]; ok {
		d.status(a, v.value)
	}
	if v, ok := f["body"]; ok {
		d.bodyTests(a, v.value)
	}
	if v, ok := f["headers"]; ok {
		fields, _ := d.mapping(v.value, "headers", nil)
		for name, one := range fields {
			a.headers = append(a.headers, headerTest{name, d.textOf(one.value, "the header "+name)})
		}
		slices.SortFunc(a.headers, func(x, y headerTest) int { return strings.Compare(x.name, y.name) })
		for i := range a.headers {
			d.texts = append(d.texts, &a.headers[i].want)
		}
	}
	if v, ok := f["within"]; ok {
		a.within, a.withinAt = d.duration(v.value, "within"), placeOf(v.key)
	}
	a.conditions = d.conditions(f)
	return a
}

// status reads 200, 4xx, "200,202" or a list of such.
func (d *decoder) status(a *answer, n *yaml.Node) {
	a.statusAt = placeOf(n)
	if n = d.resolve(n); n == nil {
		return
	}
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	var parts []string
	for _, c := range list {
		text, _, _ := d.scalar(c, "status")
		parts = append(parts, text)
	}
	a.statusText = strings.Join(parts, ", ")
	var err error
	if a.status, err = outgoing.ParseStatus(strings.Join(parts, ",")); err != nil {
		d.problem(a.statusAt, "status: %v", err)
	}
}

// bodyTests reads a text that has to be in the body, or a mapping of tests.
func (d *decoder) bodyTests(a *answer, n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		a.body = append(a.body, bodyTest{"contains", d.textOf(n, "body")})
	} else {
		f, _ := d.mapping(n, "body", words(bodyKeys))
		for _, how := range words(bodyKeys) {
			if v, ok := f[how]; ok {
				a.body = append(a.body, bodyTest{how, d.textOf(v.value, how)})
			}
		}
	}
	for i, test := range a.body {
		d.texts = append(d.texts, &a.body[i].want)
		if expr, ok := test.want.literal(); ok && test.how == "matches" {
			if _, err := regexp.Compile(expr); err != nil {
				d.problem(test.want.at, "matches: %v", err)
			}
		}
	}
}
