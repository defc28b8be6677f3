package httptext

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// writePowerShell writes a command for Windows PowerShell and its successors.
// It does not call curl: the older ones lose quotes on the way to programs.
// Text stands in single quotes; what could be taken for the end of them, or
// cannot be seen, goes in base64.
func writePowerShell(b *bytes.Buffer, d *webhook.Delivery) error {
	url, err := address(d)
	if err != nil {
		return err
	}
	if !token(d.Method) {
		return fmt.Errorf("%.40q is not a method", d.Method)
	}
	for _, name := range masked(d) {
		fmt.Fprintf(b, "# $env:%s stands for a credential that is left out\n", name[1:])
	}
	b.WriteString("Invoke-WebRequest -UseBasicParsing " + powerShellMethod(d.Method) + " -Uri " + ps(url))
	var table []string
	seen := map[string]int{}
	for _, f := range fieldsOf(d) {
		value := ps(f.value)
		if kind, hidden := strings.CutSuffix(f.value, safetext.Masked); hidden {
			value = "(" + ps(kind) + " + $env:" + variable(f.name) + ")"
		}
		switch strings.ToLower(f.name) {
		case "content-type":
			b.WriteString(" `\n  -ContentType " + value)
		case "user-agent":
			b.WriteString(" `\n  -UserAgent " + value)
		default:
			if at, ok := seen[strings.ToLower(f.name)]; ok { // a table holds a name once
				table[at] += " + ', ' + " + value
				continue
			}
			seen[strings.ToLower(f.name)] = len(table)
			table = append(table, ps(f.name)+" = "+value)
		}
	}
	if len(table) > 0 {
		b.WriteString(" `\n  -Headers @{\n    " + strings.Join(table, "\n    ") + "\n  }")
	}
	if len(d.Body) > 0 {
		b.WriteString(" `\n  -Body " + psBytes(d.Body))
	}
	b.WriteByte('\n')
	return nil
}

func powerShellMethod(method string) string {
	switch method {
	case "GET", "HEAD", "POST", "PUT", "DELETE", "TRACE", "OPTIONS", "MERGE", "PATCH":
		return "-Method " + method
	}
	return "-CustomMethod " + ps(method)
}

// ps quotes text. PowerShell takes typographic quotes for quotes, too.
func ps(s string) string {
	if visible(s, "") && !strings.ContainsAny(s, "\u2018\u2019\u201a\u201b") {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	// One byte, one character: so they go into a header as they are.
	return "([Text.Encoding]::GetEncoding(28591).GetString([Convert]::FromBase64String('" + base64.StdEncoding.EncodeToString([]byte(s)) + "')))"
}

func psBytes(body []byte) string {
	if s := string(body); visible(s, "") && !strings.ContainsAny(s, "\u2018\u2019\u201a\u201b") {
		return "([Text.Encoding]::UTF8.GetBytes(" + ps(s) + "))"
	}
	return "([Convert]::FromBase64String('" + base64.StdEncoding.EncodeToString(body) + "'))"
}
