// Writes bodies as apps in Go do, see node.js.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
)

var jobs = map[string]func([]byte) []byte{
	"marshal-map": func(b []byte) []byte {
		var v any
		must(json.Unmarshal(b, &v))
		return marshal(v)
	},
	// A struct that keeps what it does not know as json.RawMessage.
	"marshal-raw": func(b []byte) []byte { return marshal(json.RawMessage(b)) },
	"encode-raw": func(b []byte) []byte {
		var out bytes.Buffer
		must(json.NewEncoder(&out).Encode(json.RawMessage(b)))
		return out.Bytes()
	},
	"compact": func(b []byte) []byte {
		var out bytes.Buffer
		must(json.Compact(&out, b))
		return out.Bytes()
	},
	"indent": func(b []byte) []byte {
		var out bytes.Buffer
		must(json.Indent(&out, b, "", "  "))
		return out.Bytes()
	},
	"indent-tab": func(b []byte) []byte {
		var out bytes.Buffer
		must(json.Indent(&out, b, "", "\t"))
		return out.Bytes()
	},
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	must(err)
	return b
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		var r struct {
			Job  string
			Body []byte
		}
		must(json.Unmarshal(in.Bytes(), &r))
		b, err := json.Marshal(jobs[r.Job](r.Body))
		must(err)
		fmt.Println(string(b[1 : len(b)-1]))
	}
}
