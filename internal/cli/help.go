package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// An Exit says when a command ends with a status.
type Exit struct {
	Status Status
	When   string
}

// Exits declares when cmd ends with which status; its help ends with them.
// 2 and 130 mean the same everywhere and are added.
func Exits(cmd *cobra.Command, exits ...Exit) {
	for _, common := range []Exit{
		{StatusUsage, "it was used wrongly, or its input is malformed"},
		{Interrupt, "it was interrupted before the work was done"},
	} {
		if !slices.ContainsFunc(exits, func(e Exit) bool { return e.Status == common.Status }) {
			exits = append(exits, common)
		}
	}
	slices.SortFunc(exits, func(a, b Exit) int { return int(a.Status - b.Status) })
	lines := make([]string, len(exits))
	for i, e := range exits {
		lines[i] = fmt.Sprintf("%d\t%s", e.Status, e.When)
	}
	annotate(cmd, exitsKey, strings.Join(lines, "\n"))
}

// CommonExits is Exits for a command that only holds others: what the statuses
// mean for all of them.
func CommonExits(cmd *cobra.Command) {
	Exits(cmd,
		Exit{OK, "yes, or done"},
		Exit{StatusNo, "the answer is no"},
		Exit{StatusError, "the surroundings failed: a port, a connection, a file"},
	)
}

// ExitsOf returns what was declared with Exits, by status; nil if nothing was.
func ExitsOf(cmd *cobra.Command) []Exit {
	var exits []Exit
	for line := range strings.Lines(cmd.Annotations[exitsKey]) {
		status, when, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if n, err := strconv.Atoi(status); err == nil {
			exits = append(exits, Exit{Status(n), when})
		}
	}
	return exits
}

// MarkGroup says that cmd does nothing itself but hold the commands below it.
// Only cli/root calls it.
func MarkGroup(cmd *cobra.Command) { annotate(cmd, groupKey, "true") }

// IsGroup says whether cmd was marked with MarkGroup.
func IsGroup(cmd *cobra.Command) bool { return cmd.Annotations[groupKey] != "" }

// MakesProfile declares that cmd may be given a --profile that does not exist
// yet, since it makes it.
func MakesProfile(cmd *cobra.Command) { annotate(cmd, profileKey, "true") }

// Quick declares that cmd prints what it knows and ends: it waits for nothing
// that a signal would have to interrupt.
func Quick(cmd *cobra.Command) { annotate(cmd, quickKey, "true") }

// IsQuick says whether cmd was declared with Quick.
func IsQuick(cmd *cobra.Command) bool { return cmd.Annotations[quickKey] != "" }

// The groups that `hooks` shows its commands in.
const (
	GroupBegin   = "begin"
	GroupLook    = "look"
	GroupTest    = "test"
	GroupStandIn = "stand-in"
	GroupReach   = "reach"
	GroupKeep    = "keep"
)
