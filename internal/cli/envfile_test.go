package cli

import (
	"strings"
	"testing"
)

// TestEnvFileInUTF16: so PowerShell redirects into a file.
func TestEnvFileInUTF16(t *testing.T) {
	t.Parallel()
	vars, bad := parseEnvFile([]byte("\xff\xfeA\x00=\x001\x00\r\x00\n\x00"))
	if bad != 0 || len(vars) != 1 || vars["A"] != "1" {
		t.Errorf("parseEnvFile = %q, line %d", vars, bad)
	}
}

// FuzzEnvFile: whatever is accepted has names without white space, and whatever
// is refused names a line that is there and leaves nothing behind.
func FuzzEnvFile(f *testing.F) {
	for _, s := range []string{"A=1\n", "export A='b\nc' # d\n", "A=\"\\\"\\n\"", "\ufeff# x\n\nA=", "A", "='", "A=\"never closed\nB=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		vars, bad := parseEnvFile([]byte(text))
		if bad != 0 {
			if vars != nil || bad < 0 || bad > strings.Count(text, "\n")+1 {
				t.Errorf("parseEnvFile(%q) = %v, line %d", text, vars, bad)
			}
			return
		}
		for name := range vars {
			if name == "" || strings.ContainsAny(name, " \t\n=\"'") {
				t.Errorf("parseEnvFile(%q) has the name %q", text, name)
			}
		}
	})
}
