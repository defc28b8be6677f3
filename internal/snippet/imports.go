package snippet

import (
	"regexp"
	"slices"
	"strings"
)

// imports returns what stands at the top of code in a language so that the
// standard library's names that it uses are known.
func imports(l Language, code string) string {
	if l.ID == "go" {
		used := slices.DeleteFunc(goPackages(), func(path string) bool { return !uses(code, path[strings.LastIndexByte(path, '/')+1:]) })
		return "import (\n\t\"" + strings.Join(used, "\"\n\t\"") + "\"\n)"
	}
	modules := []string{"base64", "datetime", "hashlib", "hmac", "json", "logging", "os", "queue", "re", "threading", "time"}
	used := slices.DeleteFunc(modules, func(m string) bool { return !uses(code, m) })
	text := "import " + strings.Join(used, "\nimport ")
	if strings.Contains(code, "parse_qsl(") {
		text += "\nfrom urllib.parse import parse_qsl"
	}
	return text
}

// uses says whether code names something of a package.
func uses(code, name string) bool {
	return regexp.MustCompile(`(^|[^.\w"])` + name + `\.[A-Za-z]`).MatchString(code)
}

// goPackages are what a handler in Go may import.
func goPackages() []string {
	return []string{
		"bytes", "cmp", "crypto/hmac", "crypto/sha1", "crypto/sha256", "crypto/sha512", "encoding/base64", "encoding/hex",
		"encoding/json", "fmt", "io", "log", "net/http", "net/url", "os", "slices", "strconv", "strings", "sync", "time",
	}
}
