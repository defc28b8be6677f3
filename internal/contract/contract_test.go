package contract_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/contract"
)

const top = "openapi: 3.1.0\ninfo: {title: T}\n"

// bodies writes the events of a document as NAME BODY lines.
func bodies(d *contract.Document) string {
	var b strings.Builder
	for _, e := range d.Events {
		fmt.Fprintf(&b, "%s %s\n", e.Name, show(e.Body))
	}
	return b.String()
}

func show(v *contract.Value) string {
	if v == nil {
		return "-"
	}
	var parts []string
	switch v.Kind {
	case contract.Object:
		for _, m := range v.Members {
			parts = append(parts, m.Name+":"+show(m.Value))
		}
		return "{" + strings.Join(parts, " ") + "}"
	case contract.Array:
		for _, item := range v.Items {
			parts = append(parts, show(item))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case contract.String:
		parts = append(parts, "'"+v.Text+"'")
	case contract.Literal:
		parts = append(parts, v.Text)
	}
	if v.Fixed {
		parts = append(parts, "!")
	}
	return strings.Join(parts, "")
}

func hook(schema string) string {
	return top + "webhooks: {e: {post: {requestBody: {content: {application/json: {schema: " + schema + "}}}}}}\n" +
		"components: {schemas: {Node: {type: object, properties: {v: {type: integer}, next: {$ref: '#/components/schemas/Node'}}}, " +
		"A: {allOf: [{$ref: '#/components/schemas/B'}, {$ref: '#/components/schemas/B'}]}, B: {allOf: [{$ref: '#/components/schemas/C'}, {$ref: '#/components/schemas/C'}]}, C: {properties: {c: {const: 1}}}}}\n"
}

func TestSchemas(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		"{type: string}": "'text'",
		"{type: [string, 'null'], format: email}": "'ada@example.com'",
		"{type: string, minLength: 6}":            "'xxxxxx'",
		"{type: integer}":                         "1",
		"{type: integer, minimum: 18}":            "18",
		"{type: number}":                          "1.5",
		"{type: boolean}":                         "true",
		"{type: 'null'}":                          "null",
		"{}":                                      "null",
		"true":                                    "null",
		"{const: x}":                              "'x'!",
		"{enum: [x]}":                             "'x'!",
		"{enum: [x, y]}":                          "'x'",
		"{type: string, default: d}":              "'d'",
		"{type: integer, example: 7}":             "7",
		"{examples: [{a: 1, b: [true, null, '2']}]}":                                         "{a:1 b:[true null '2']}",
		"{type: array, items: {type: integer}}":                                              "[1]",
		"{type: array}":                                                                      "[]",
		"{properties: {b: {type: integer}, a: {}}}":                                          "{b:1 a:null}",
		"{allOf: [{properties: {a: {}}}, {properties: {a: {const: 1}}}]}":                    "{a:1!}",
		"{properties: {o: {}}, oneOf: [{type: 'null'}, {properties: {p: {type: boolean}}}]}": "{o:null p:true}",
		"{anyOf: [{type: string}, {type: integer}]}":                                         "'text'",
		"{$ref: '#/components/schemas/Node'}":                                                "{v:1 next:null}",
		"{$ref: '#/components/schemas/A'}":                                                   "{c:1!}",
		"{$ref: '#/components/schemas/none'}":                                                "-",
		"{$ref: 'other.yaml'}":                                                               "-",
	} {
		d, err := contract.Read([]byte(hook(schema)))
		if err != nil {
			t.Fatal(schema, err)
		}
		if got := bodies(d); got != "e "+want+"\n" {
			t.Errorf("%s: %q, want %s", schema, got, want)
		}
		if strings.Contains(schema, "none") || strings.Contains(schema, "other") {
			if len(d.Notes) != 1 || d.Notes[0].Line == 0 {
				t.Errorf("%s: notes %v", schema, d.Notes)
			}
		}
	}
}

func TestWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                        "line 1: this is no OpenAPI or AsyncAPI document",
		"- a":                     "line 1: this is no OpenAPI or AsyncAPI document",
		"a: [":                    "did not find",
		"a: 1":                    "line 1: neither openapi nor asyncapi is said at the top",
		"swagger: '2.0'":          "swagger 2.0 has no webhooks",
		strings.Repeat("[", 9000): "",
		"a: " + strings.Repeat("{a: ", 70) + "1" + strings.Repeat("}", 70): "nested deeper than 64",
	} {
		d, err := contract.Read([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %+v, %v, want %q", text, d, err, want)
		}
	}
	var syntax *contract.SyntaxError
	if _, err := contract.Read([]byte("x: 1")); !errors.As(err, &syntax) || syntax.Line != 1 {
		t.Errorf("%v", err)
	}
}

// TestBombs: documents that would repeat themselves without end are read within
// a second.
func TestBombs(t *testing.T) {
	t.Parallel()
	var laughs, refs strings.Builder
	laughs.WriteString(top + "x0: &x0 [a]\n")
	refs.WriteString(top + "webhooks: {e: {post: {requestBody: {content: {application/json: {schema: {$ref: '#/s/n0'}}}}}}}\ns:\n")
	for i := range 40 {
		fmt.Fprintf(&laughs, "x%d: &x%d [*x%d, *x%d, *x%d]\n", i+1, i+1, i, i, i)
		fmt.Fprintf(&refs, "  n%d: {properties: {a: {$ref: '#/s/n%d'}, b: {$ref: '#/s/n%d'}}, allOf: [{$ref: '#/s/n%d'}]}\n", i, i+1, i+1, i+1)
	}
	laughs.WriteString("webhooks: {e: {post: {requestBody: {content: {application/json: {example: *x40}}}}}}\n")
	for name, text := range map[string]string{"aliases": laughs.String(), "references": refs.String(), "schema-and-example": strings.Replace(refs.String(), "{schema:", "{example: {a: {b: {a: 1}}}, schema:", 1)} {
		began := time.Now()
		d, err := contract.Read([]byte(text))
		if err != nil || len(d.Events) != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > time.Minute {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		top + "webhooks: {a: {post: {}, put: {operationId: changed}}}": "a.post -\nchanged -\n",
		top + "x-webhooks: {a: {post: {}}}":                            "a -\n",
		top + "paths: {/x: {post: {operationId: op, callbacks: {cb: {'{$url}': {post: {}}}}}, put: {operationId: op2, callbacks: {cb: {'{$url}': {post: {}}}}}}}": "cb -\nop2.cb -\n",
		top + "components: {callbacks: {cb: {'{$url}': {post: {}}}}}":                                                                                          "cb -\n",
		"asyncapi: 2.0.0\nchannels: {a/b: {subscribe: {message: {payload: {type: integer}}}}}":                                                                 "a/b 1\n",
		"asyncapi: 2.0.0\nchannels: {a: {subscribe: {message: {oneOf: [{messageId: m, payload: {type: integer}}, {title: T}, {summary: nameless}]}}}}":         "m 1\nT -\n",
		"asyncapi: 3.0.0\nchannels: {a: {messages: {m: {payload: {type: integer}}}}, b: {messages: {m: {contentType: text/plain, payload: {type: integer}}}}}": "m 1\nb.m -\n",
		"asyncapi: 3.0.0\ncomponents: {messages: {m: {examples: [{payload: {a: 1}}]}}}":                                                                        "m {a:1}\n",
	} {
		d, err := contract.Read([]byte(text))
		if err != nil {
			t.Fatal(text, err)
		}
		if got := bodies(d); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
