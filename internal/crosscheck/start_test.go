package crosscheck

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// oneLine is the least that a Go program can do: the limit for a start.
const oneLine = `package main

import "os"

func main() { os.Stdout.WriteString("one line\n") }
`

// BenchmarkStart runs hooks version and a program that prints one line, in
// turns, so that whatever else the machine does falls on both. x-one-line is
// how many times as long hooks takes; it should be at most 2.5.
func BenchmarkStart(b *testing.B) {
	h := newHome(b)
	source := filepath.Join(b.TempDir(), "main.go")
	if err := os.WriteFile(source, []byte(oneLine), 0o600); err != nil {
		b.Fatal(err)
	}
	bare, err := build("one-line", source)
	if err != nil {
		b.Fatal(err)
	}
	var ours, least []time.Duration
	for b.Loop() {
		least = append(least, h.timed(b, bare))
		ours = append(ours, h.timed(b, h.path, "version"))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(milliseconds(median(least)), "ms/one-line")
	b.ReportMetric(milliseconds(median(ours)), "ms/hooks-version")
	b.ReportMetric(float64(median(ours))/float64(median(least)), "x-one-line")
}

// timed runs a program to its end and returns how long that took.
func (h home) timed(tb testing.TB, name string, args ...string) time.Duration {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = h.env
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%s %q: %v", name, args, err)
	}
	return time.Since(begin)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
