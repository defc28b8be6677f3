package diagnose

import (
	"math"
	"strconv"
	"strings"
)

// How the libraries write numbers that they have read. Each takes a number as
// JSON has it.

// javaScriptNumber knows no integers: 1.0 is 1, and 1e3 is 1000.
func javaScriptNumber(text string) string {
	f, ok := float(text)
	if !ok {
		return "null"
	}
	if f == 0 {
		return "0"
	}
	return shortest(f)
}

// goNumber is the same, but for the sign of zero.
func goNumber(text string) string {
	f, ok := float(text)
	if !ok {
		return text
	}
	if f == 0 && math.Signbit(f) {
		return "-0"
	}
	return shortest(f)
}

// shortest writes f as ECMAScript does.
func shortest(f float64) string {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	out := strconv.FormatFloat(f, format, -1, 64)
	mantissa, exponent, ok := strings.Cut(out, "e")
	if !ok {
		return out
	}
	return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0") // 1e-07 is 1e-7
}

// pythonNumber keeps integers of any length, and the point of a float.
func pythonNumber(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		if text == "-0" {
			return "0"
		}
		return text
	}
	f, ok := float(text)
	if !ok {
		return strings.TrimLeft(text[:1], "0123456789") + "Infinity"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64) // two digits of exponent, as in C
	}
	out := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(out, ".") {
		out += ".0"
	}
	return out
}

// phpNumber keeps integers, and writes 1.0 as it was told to: 1.0 here, and 1
// in javaScriptNumber.
func phpNumber(text string) string {
	if !strings.ContainsAny(text, ".eE") {
		return pythonNumber(text)
	}
	f, ok := float(text)
	if !ok {
		return "0"
	}
	if abs := math.Abs(f); abs != 0 && (abs < 1e-4 || abs >= 1e17) {
		out := strconv.FormatFloat(f, 'e', -1, 64)
		mantissa, exponent, _ := strings.Cut(out, "e")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		return mantissa + "e" + exponent[:1] + strings.TrimLeft(exponent[1:], "0")
	}
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', -1, 64), ".0")
}

func float(text string) (float64, bool) {
	f, err := strconv.ParseFloat(text, 64)
	return f, err == nil
}
