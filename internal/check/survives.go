package check

import (
	"context"
	"net/http"
	"strings"

	"github.com/hooks-cli/hooks/internal/outgoing"
)

func makeMalformedJSON(k *kit) ([]shot, error) {
	d, err := k.sample()
	if err != nil {
		return nil, err
	}
	return k.makeBodies([]body{
		{name: "a body that breaks off", data: d.Body[:len(d.Body)*2/3]},
		{name: "text", data: []byte("this is not JSON")},
		{name: "an object without its end", data: []byte("{")},
	})
}

func makeWrongShape(k *kit) ([]shot, error) {
	d, err := k.sample()
	if err != nil {
		return nil, err
	}
	list := []body{
		{name: "null", data: []byte("null")},
		{name: "[]", data: []byte("[]")},
		{name: `"x"`, data: []byte(`"x"`)},
		{name: "{}", data: []byte("{}")},
	}
	if data := gutted(k.provider, d); data != nil {
		list = append(list, body{name: "an event without its data", data: data})
	}
	return k.makeBodies(list)
}

func makeEmptyBody(k *kit) ([]shot, error) { return k.makeBodies([]body{{data: []byte{}}}) }

func makeInvalidUTF8(k *kit) ([]shot, error) {
	d, err := k.sample()
	if err != nil {
		return nil, err
	}
	list := []body{{name: "bytes that are no text", data: []byte("\xff\xfe\x00\x80")}}
	if data, err := withExtra(d, "TEXT"); err == nil && !isForm(d) {
		list = append(list, body{name: "within a string", data: []byte(strings.Replace(string(data), "TEXT", "\xff\xc3(", 1))})
	}
	return k.makeBodies(list)
}

// depth is how deep the arrays are nested.
const depth = 10_000

func makeDeepJSON(k *kit) ([]shot, error) {
	shots, err := k.makeBodies([]body{{data: []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))}})
	for i := range shots {
		shots[i].line = k.feedLine(`{ head -c 10000 /dev/zero | tr '\0' '['; head -c 10000 /dev/zero | tr '\0' ']'; }`, k.typ)
	}
	return shots, err
}

func makeWrongMethod(k *kit) ([]shot, error) {
	var out []shot
	for _, method := range []string{http.MethodGet, http.MethodPut} {
		d, err := k.sample()
		if err != nil {
			return nil, err
		}
		if d.Method == method {
			continue
		}
		if d.Method = method; method == http.MethodGet {
			d.Body, d.Header = nil, http.Header{"User-Agent": {outgoing.UserAgent}}
		}
		line := words("curl -i", k.headerFlags(), k.target())
		if method != http.MethodGet {
			line = k.curlLine(d, "", nil, same)
			if d, err = k.signer.Sign(d, k.now()); err != nil {
				return nil, skip("%v", err)
			}
		}
		out = append(out, shot{name: method, delivery: d, line: line})
	}
	return out, nil
}

// runHides judges what the rejected requests were answered.
func runHides(_ context.Context, r *run) finding {
	r.seen.mu.Lock()
	defer r.seen.mu.Unlock()
	switch {
	case r.seen.leak != "":
		return failed("an answer to a rejected request held "+r.seen.leak, r.seen.leakLine)
	case r.seen.rejects == 0:
		return notRun("no request was rejected")
	}
	return passed("no rejection held either", "")
}
