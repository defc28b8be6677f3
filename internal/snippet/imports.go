package snippet

import (
	"regexp"
	"slices"
	"strings"
)

// imports returns what stands at the top of code in a language so that the
// names of libraries that it uses are known.
func imports(l Language, code string) string {
	switch l.ID {
	case "go":
		used := slices.DeleteFunc(goPackages(), func(path string) bool { return !names(code, path[strings.LastIndexByte(path, '/')+1:]+`\.[A-Z]`) })
		return "import (\n\t\"" + strings.Join(used, "\"\n\t\"") + "\"\n)"
	case "java-spring":
		used := slices.DeleteFunc(javaClasses(), func(class string) bool { return !names(code, class[strings.LastIndexByte(class, '.')+1:]+`\b`) })
		return "import " + strings.Join(used, ";\nimport ") + ";"
	case "rust-axum":
		used := slices.DeleteFunc(rustNames(), func(n string) bool { return !names(code, lastOf(n)+`\b`) })
		return "use " + strings.Join(used, ";\nuse ") + ";"
	}
	modules := []string{"base64", "datetime", "hashlib", "hmac", "json", "logging", "os", "queue", "re", "threading", "time"}
	used := slices.DeleteFunc(modules, func(m string) bool { return !names(code, m+`\.[A-Za-z]`) })
	text := "import " + strings.Join(used, "\nimport ")
	if strings.Contains(code, "parse_qsl(") {
		text += "\nfrom urllib.parse import parse_qsl"
	}
	return text
}

// names says whether code has a name that is not a part of another.
func names(code, pattern string) bool {
	return regexp.MustCompile(`(^|[^.\w"])` + pattern).MatchString(code)
}

// goPackages are what a handler in Go may import.
func goPackages() []string {
	return []string{
		"bytes", "cmp", "crypto/hmac", "crypto/sha1", "crypto/sha256", "crypto/sha512", "encoding/base64", "encoding/hex",
		"encoding/json", "fmt", "io", "log", "net/http", "net/url", "os", "slices", "strconv", "strings", "sync", "time",
	}
}

// javaClasses are what one in Java may.
func javaClasses() []string {
	return []string{
		"com.fasterxml.jackson.databind.JsonNode", "com.fasterxml.jackson.databind.ObjectMapper",
		"java.io.IOException", "java.io.InputStream", "java.net.URLDecoder", "java.nio.charset.StandardCharsets",
		"java.security.GeneralSecurityException", "java.security.MessageDigest",
		"java.time.Duration", "java.time.Instant", "java.time.OffsetDateTime",
		"java.util.ArrayList", "java.util.Arrays", "java.util.Base64", "java.util.Collections", "java.util.HexFormat",
		"java.util.LinkedHashMap", "java.util.List", "java.util.Map", "java.util.Set",
		"java.util.concurrent.ExecutorService", "java.util.concurrent.Executors", "java.util.regex.Pattern",
		"javax.crypto.Mac", "javax.crypto.spec.SecretKeySpec",
		"org.springframework.http.HttpHeaders", "org.springframework.http.ResponseEntity",
		"org.springframework.web.bind.annotation.GetMapping", "org.springframework.web.bind.annotation.PostMapping",
		"org.springframework.web.bind.annotation.RequestHeader", "org.springframework.web.bind.annotation.RequestParam",
		"org.springframework.web.bind.annotation.RestController",
	}
}

// rustNames are what one in Rust may.
func rustNames() []string {
	return []string{
		"axum::Router", "axum::body::Bytes", "axum::extract::DefaultBodyLimit", "axum::extract::Query", "axum::http::HeaderMap",
		"axum::http::StatusCode", "axum::http::header::CONTENT_TYPE", "axum::response::IntoResponse", "axum::response::Response",
		"axum::routing::post", "base64::Engine", "hmac::Hmac", "hmac::Mac", "serde_json::Value", "sha2::Digest",
		"std::collections::HashMap", "std::collections::HashSet", "std::collections::VecDeque", "std::sync::LazyLock", "std::sync::Mutex",
		"std::time::SystemTime", "std::time::UNIX_EPOCH", "subtle::ConstantTimeEq",
	}
}

// lastOf is the name that code shows where a name in Rust is used: a trait is
// known by what it brings.
func lastOf(path string) string {
	switch path {
	case "axum::response::IntoResponse":
		return "answer"
	case "base64::Engine":
		return "base64::engine"
	case "hmac::Mac":
		return "Hmac"
	case "sha2::Digest":
		return "digest"
	case "subtle::ConstantTimeEq":
		return "equal"
	}
	return path[strings.LastIndex(path, ":")+1:]
}
