package scheme_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/scheme"
)

func TestCompileNamesTheField(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		change func(*scheme.Spec)
		field  string
		says   string
	}{
		{func(s *scheme.Spec) { s.Algorithm = "" }, "algorithm", "missing"},
		{func(s *scheme.Spec) { s.Algorithm = "hmac-sha265" }, "algorithm", "did you mean hmac-sha256?"},
		{func(s *scheme.Spec) { s.Algorithm = "rsa-md5" }, "algorithm", "no known"},
		{func(s *scheme.Spec) { s.Algorithm = "hmac-sha256-raw" }, "algorithm", "no known"},
		{func(s *scheme.Spec) { s.Signature.In = nil }, "signature.in", "missing"},
		{func(s *scheme.Spec) { s.Signature.In = []string{"X-Signature"} }, "signature.in", "not a place"},
		{func(s *scheme.Spec) { s.Signature.In = []string{"header:X#v1"} }, "signature.in", "cannot stand"},
		{func(s *scheme.Spec) { s.Signature.In = []string{"@.x"} }, "signature.in", "no each"},
		{func(s *scheme.Spec) { s.Signature.In = []string{"$.a["} }, "signature.in", "no ]"},
		{func(s *scheme.Spec) { s.Signature.Format = "sha256=" }, "signature", "no {signature}"},
		{func(s *scheme.Spec) { s.Signature.Format = "{signature}{timestamp}" }, "signature", "one part"},
		{func(s *scheme.Spec) { s.Signature.Format = "{body}{signature}" }, "signature", "can stand in a format"},
		{func(s *scheme.Spec) { s.Signature.Format = "{signature" }, "signature", "without its }"},
		{func(s *scheme.Spec) { s.Signature.Sets = " " }, "signature", "separator"},
		{func(s *scheme.Spec) { s.Signature.Encoding = "base32" }, "signature", "none of hex"},
		{func(s *scheme.Spec) { s.Signature.Encoding = "plain" }, "signature", "none of hex"},
		{func(s *scheme.Spec) { s.Signature.Wrap = "hex" }, "signature", "wrap"},
		{func(s *scheme.Spec) { s.Content = []string{"{bdoy}"} }, "content", "{bdoy}"},
		{func(s *scheme.Spec) { s.Content = []string{"{body|sha265}"} }, "content", "sha265"},
		{func(s *scheme.Spec) { s.Content = []string{"{body|first:x}"} }, "content", "not a number"},
		{func(s *scheme.Spec) { s.Content = []string{"}"} }, "content", "without its {"},
		{func(s *scheme.Spec) { s.Content = []string{"{end}"} }, "content", "without {if"},
		{func(s *scheme.Spec) { s.Content = []string{"{if:body}x"} }, "content", "without {end}"},
		{func(s *scheme.Spec) { s.Content = []string{"{signature}"} }, "content", "cannot sign itself"},
		{func(s *scheme.Spec) { s.Content = []string{"{timestamp}"} }, "content", "timestamp.in"},
		{func(s *scheme.Spec) { s.Content = []string{"{id}"} }, "content", "id does not say"},
		{func(s *scheme.Spec) { s.Content = []string{"{signed-headers}"} }, "signed_headers", "together"},
		{func(s *scheme.Spec) { s.Content = []string{strings.Repeat("{(", 40) + "x" + strings.Repeat(")}", 40)} }, "content", "nested"},
		{func(s *scheme.Spec) { s.Algorithm = "sha256" }, "content", "{secret}"},
		{func(s *scheme.Spec) { s.Algorithm, s.Content = "token", []string{"{body}"} }, "content", "signs nothing"},
		{func(s *scheme.Spec) { s.Timestamp.Unit = scheme.Known("m") }, "timestamp", "none of s, ms"},
		{func(s *scheme.Spec) { s.Timestamp.Tolerance = scheme.Known(-time.Second) }, "timestamp.tolerance", "negative"},
		{func(s *scheme.Spec) { s.Timestamp.In = "nowhere" }, "timestamp.in", "not a place"},
		{func(s *scheme.Spec) { s.Secret.Encoding = "base46" }, "secret", "none of raw"},
		{func(s *scheme.Spec) { s.Secret.Key = "{secret|" }, "secret", "without its }"},
		{func(s *scheme.Spec) { s.Each = "$.items" }, "each", "[*]"},
		{func(s *scheme.Spec) { s.Each = "$.items[*]" }, "signature.in", "@.PATH"},
		{func(s *scheme.Spec) { s.When = map[string]string{"x": "y"} }, "when", "not a place"},
		{func(s *scheme.Spec) { s.Headers = map[string]string{"X": "{"} }, "headers", "without its }"},
		{func(s *scheme.Spec) { s.Digests = []scheme.Digest{{In: "header:X"}} }, "digests[0].value", "missing"},
		{func(s *scheme.Spec) { s.JWT = &scheme.JWT{} }, "jwt", "no jwt-"},
		{func(s *scheme.Spec) { s.Algorithm, s.Message = "hmac-sha512", &scheme.MessageSig{} }, "algorithm", "RFC 9421"},
		{func(s *scheme.Spec) { s.Message = &scheme.MessageSig{Components: []string{"a b"}} }, "http_message.components", "no component"},
	} {
		spec := hexHMAC()
		tc.change(&spec)
		s, err := scheme.Compile(spec)
		var at *scheme.SpecError
		if s != nil || !errors.As(err, &at) || at.Field != tc.field || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("Compile: %v, want %s: … %s …", err, tc.field, tc.says)
		}
	}
}

func TestEveryAlgorithmCompiles(t *testing.T) {
	t.Parallel()
	for _, name := range scheme.Algorithms() {
		spec := scheme.Spec{Algorithm: name, Signature: in("header:X-S", "")}
		if !strings.Contains(name, "-") && name != "token" && name != "basic" && name != "ed25519" {
			spec.Content = []string{"{secret}{body}"}
		}
		s, err := scheme.Compile(spec)
		if err != nil || s.Name() != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTemplates reads one request in many ways.
func TestTemplates(t *testing.T) {
	t.Parallel()
	m := &scheme.Message{
		Method: "POST", URL: "https://u:p@example.com:8443/a%20b/c?z=1&a=2&a=1#frag",
		Header: map[string][]string{"X-List": {"t=5,v1=abc;k:v"}, "X-Two": {"a", "b"}},
		Body:   []byte(`{"b": {"c": [1, "x"]}, "a": "é/", "n": null, "_events": 1}`),
	}
	form := &scheme.Message{Method: "POST", URL: "/p", Body: []byte(`b=2&a=%C3%A9+x&a=1&a=1&j={"k":[{"v":"w"}]}&e=`)}
	for _, tc := range []struct {
		m          *scheme.Message
		text, want string
	}{
		{m, "{method} {path} {query}", "POST /a%20b/c z=1&a=2&a=1"},
		{m, "{url-base}|{origin}|{scheme}|{host}|{path-query}", "https://u:p@example.com:8443/a%20b/c|https://u:p@example.com:8443|https|example.com:8443|/a%20b/c?z=1&a=2&a=1"},
		{m, "{header:x-list#t}{header:X-List#v1}{header:X-List#k}{header:X-List#2}", "5abcvk:v"},
		{m, "{header:X-Two}{query:a}{$.b.c[1]}{$.b.c}", `a2x[1, "x"]`},
		{m, "{key:*_events}{key:!b}", "_eventsa"},
		{m, "{query|sort|join:=:&}", "a=2&a=1&z=1"},
		{m, "{query|sort|unique|join}", "a1a2z1"},
		{m, "{query|sort|group:+|join:=:&}", "a=2+1&z=1"},
		{m, "{query|only:z,a|values:-}", "1-2-1"},
		{m, `{json|only:a,n,x|join:\n:\n}{lf}`, "a\né/\nn\n\n"},
		{m, "{json|except:b,_events|nonempty|join:\\::\\|}", "a:é/"},
		{m, "{body|canonical}", `{"_events":1,"a":"é/","b":{"c":[1,"x"]},"n":null}`},
		{m, "{body|compact|ascii}", `{"b":{"c":[1,"x"]},"a":"\u00e9/","n":null,"_events":1}`},
		{m, "{body|sha256|hex|first:8|upper}", "4B5C7A2D"},
		{m, "{$.a|json}{{}}", `"é/"{}`},
		{m, "{$.a|encode}{url|encode-uri|first:21}", "%C3%A9%2Fhttps://u:p@example.c"},
		{m, "{(x{$.a}y)|hex}", "78c3a92f79"},
		{m, "{if:$.zz,$.a}yes{end}{if:$.zz}no{end}{$.zz|default:none}", "yesnone"},
		{m, "{$.a|replace:é:e|base64|unbase64|lower}", "e/"},
		{form, "{form|sort|join}", "aé xa1a1b2ee" + ""},
		{form, "{form|nonempty|except:j|encode-form|join:=:&}", "b=2&a=%C3%A9+x&a=1&a=1"},
		{form, "{form|only:b,e|php}", `a:2:{s:1:"b";s:1:"2";s:1:"e";s:0:"";}`},
		{form, "{form:j#$.k[0].v}{form:a}", "wé x"},
		{form, "{form:j|path:$.k[0].v}", "w"},
	} {
		texts, err := scheme.NewTexts([]string{tc.text})
		if err != nil {
			t.Errorf("%s: %v", tc.text, err)
			continue
		}
		found := texts.Read(tc.m, nil)[0]
		if strings.Contains(tc.text, "sha256") {
			if len(found.Text) != 8 {
				t.Errorf("%s = %q", tc.text, found.Text)
			}
			continue
		}
		if tc.text == "{form|sort|join}" {
			tc.want = `aé xa1a1b2ej{"k":[{"v":"w"}]}`
		}
		if found.Text != tc.want {
			t.Errorf("%s = %q, want %q", tc.text, found.Text, tc.want)
		}
	}
}

func TestTextsTakeTheFirstThatIsComplete(t *testing.T) {
	t.Parallel()
	texts, err := scheme.NewTexts([]string{"{header:X-Event}.{$.action}", "header:X-Event", "$.type"}, []string{"$.id"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{`{"action":"opened"}`: "push.opened", `{}`: "push", `not json`: "push"} {
		m := &scheme.Message{Header: map[string][]string{"X-Event": {"push"}}, Body: []byte(body)}
		found := texts.Read(m, nil)
		if len(found) != 3 || found[0].Text != want || !found[0].OK || found[1].OK || found[2].OK {
			t.Errorf("%s: %+v", body, found)
		}
	}
	found := texts.Read(&scheme.Message{Body: []byte(`{"type":"a","id":1,"id":2}`)}, nil)
	if found[0].Text != "a" || found[1].Text != "2" || len(found[1].Ambiguous) != 1 || found[1].Ambiguous[0].First != "1" {
		t.Errorf("%+v", found)
	}
}
