package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/units"
)

// Duration declares a flag that takes a duration as people type it: "30s",
// "2d".
func Duration(fs *pflag.FlagSet, p *time.Duration, name string, value time.Duration, usage string) {
	*p = value
	fs.Var((*durationValue)(p), name, usage)
}

type durationValue time.Duration

func (d *durationValue) Set(s string) error {
	v, err := units.ParseDuration(s)
	if err == nil {
		*d = durationValue(v)
	}
	return err
}

func (d *durationValue) Type() string { return "duration" }

func (d *durationValue) String() string {
	if d == nil || *d == 0 {
		return "" // pflag shows no default for it
	}
	return units.FormatDuration(time.Duration(*d))
}

// Size declares a flag that takes a number of bytes as people type it:
// "25MiB".
func Size(fs *pflag.FlagSet, p *int64, name string, value int64, usage string) {
	*p = value
	fs.Var((*sizeValue)(p), name, usage)
}

type sizeValue int64

func (n *sizeValue) Set(s string) error {
	v, err := units.ParseSize(s)
	if err == nil {
		*n = sizeValue(v)
	}
	return err
}

func (n *sizeValue) Type() string { return "size" }

func (n *sizeValue) String() string {
	if n == nil || *n == 0 {
		return ""
	}
	return units.FormatSize(int64(*n))
}

// CompleteFlag makes completions offer words for the value of a flag of cmd.
func CompleteFlag(cmd *cobra.Command, name string, words ...string) {
	completeFlag(cmd, name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// CompleteFlagFunc makes completions ask f for the values of a flag of cmd.
func CompleteFlagFunc(cmd *cobra.Command, name string, f func(typed string) []string) {
	completeFlag(cmd, name, SafeCompletion(func(_ *cobra.Command, _ []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return f(typed), cobra.ShellCompDirectiveNoFileComp
	}))
}

// SafeCompletion leaves out of what f offers whatever a terminal must not get:
// ids and types of events may come from anywhere, and a shell prints them.
// Root does this to the arguments of every command.
func SafeCompletion(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		list, directive := f(cmd, args, typed)
		return slices.DeleteFunc(slices.Clone(list), func(c cobra.Completion) bool {
			return !safetext.Plain(strings.Replace(c, "\t", " ", 1)) || strings.ContainsAny(c, "\n\r")
		}), directive
	}
}

func completeFlag(cmd *cobra.Command, name string, f cobra.CompletionFunc) {
	if err := cmd.RegisterFlagCompletionFunc(name, f); err != nil {
		panic(fmt.Sprintf("flag --%s of %s: %v", name, cmd.Name(), err)) // a mistake in the program
	}
}

// Selection is the flags that choose among deliveries; they mean the same for
// every command that has them.
type Selection struct {
	Providers []string // any of them
	Events    []string // patterns, any of them
	Verified  bool
	Invalid   bool
	Failed    bool   // the newest attempt was not answered with 2xx
	Direction string // "", "received" or "sent"
	Since     string // as typed; see Times
	Until     string
	Filter    string   // a jq expression over the payload
	Where     []string // path=value, all of them
	Limit     int      // 0 for all
}

// Bind declares the flags on cmd. limit is the default of --limit; with 0 the
// flag's absence means all.
func (s *Selection) Bind(cmd *cobra.Command, limit int) {
	fs := cmd.Flags()
	fs.StringSliceVar(&s.Providers, "provider", nil, "only deliveries of provider `NAME` (repeatable)")
	fs.StringArrayVarP(&s.Events, "event", "e", nil, "only events that match `PATTERN`, such as render.* (repeatable)")
	fs.BoolVar(&s.Verified, "verified", false, "only deliveries whose signature is valid")
	fs.BoolVar(&s.Invalid, "invalid", false, "only deliveries whose signature is invalid or missing")
	fs.BoolVar(&s.Failed, "failed", false, "only deliveries whose newest attempt was not answered with 2xx")
	Choice(cmd, &s.Direction, "direction", "", "only deliveries that were received or sent", "received", "sent")
	fs.StringVar(&s.Since, "since", "", "only deliveries since `TIME`: 1h, 2d, a date, RFC 3339, yesterday")
	fs.StringVar(&s.Until, "until", "", "only deliveries before `TIME`")
	fs.StringVar(&s.Filter, "filter", "", "only payloads for which the jq expression `JQ` is true")
	fs.StringArrayVar(&s.Where, "where", nil, "only payloads where `PATH=VALUE` holds (repeatable)")
	fs.IntVarP(&s.Limit, "limit", "n", limit, "at most `N` deliveries, 0 for all")
}

// Given says whether one of the flags was.
func (*Selection) Given(cmd *cobra.Command) bool {
	names := []string{"provider", "event", "verified", "invalid", "failed", "direction", "since", "until", "filter", "where", "limit"}
	return slices.ContainsFunc(names, cmd.Flags().Changed)
}

// ErrIDsAndFlags refuses ids together with the flags of a selection.
var ErrIDsAndFlags = errors.New("ids and the flags that choose among deliveries exclude each other")

// Check refuses what cannot be meant.
func (s *Selection) Check() error {
	switch {
	case s.Verified && s.Invalid:
		return Usagef("--verified and --invalid exclude each other")
	case s.Limit < 0:
		return Usagef("--limit %d is negative", s.Limit)
	}
	return nil
}

// Times reads --since and --until as of now; a zero time is a bound that was
// not given.
func (s *Selection) Times(now time.Time) (since, until time.Time, err error) {
	if s.Since != "" {
		if since, err = units.ParseTime(s.Since, now); err != nil {
			return time.Time{}, time.Time{}, Usagef("--since: %w", err)
		}
	}
	if s.Until != "" {
		if until, err = units.ParseTime(s.Until, now); err != nil {
			return time.Time{}, time.Time{}, Usagef("--until: %w", err)
		}
	}
	if !since.IsZero() && !until.IsZero() && until.Before(since) {
		return time.Time{}, time.Time{}, Usagef("--until %s is before --since %s", s.Until, s.Since)
	}
	return since, until, nil
}
