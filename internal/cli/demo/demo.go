// Package demo is `hooks demo`: one whole round trip, explained while it
// happens.
package demo

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// What the demo sends.
const (
	providerID = "canvelete"
	eventType  = "render.completed"
)

// Options is the command line, parsed. The command has none of its own.
type Options struct{}

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a whole round trip and explain it",
		Long: "Send a signed sample event over a real socket to a listener in the same process, show how it is verified and " +
			"stored, what happens when one byte is changed, and how it is replayed. It needs no app, no settings and no " +
			"network, and leaves nothing behind.",
		Example: "  $ hooks demo\n  $ hooks demo --json",
		Args:    cli.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return run(cmd.Context(), env, Options{})
		},
	}
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the round trip went as explained"},
		cli.Exit{Status: cli.StatusError, When: "no port or no temporary folder could be had"})
	return cmd
}

// story is what happened, in the order in which it is told; its JSON form is
// the command's.
type story struct {
	Sent     *webhook.Delivery `json:"sent"`
	Received *webhook.Delivery `json:"received"`
	Tampered *webhook.Delivery `json:"tampered"`
	Replayed *webhook.Delivery `json:"replayed"`
}

// Run makes the round trip and tells it.
func Run(ctx context.Context, env *cli.Env, _ Options) error {
	st, err := open(ctx, env)
	if err != nil {
		return cli.Failed(err)
	}
	s, err := st.play(ctx)
	if err := errors.Join(err, st.close()); err != nil {
		return cli.Failed(err)
	}
	if env.Global.WantsJSON() {
		return env.JSON(ctx, s)
	}
	return env.Print(tell(env.View(), st.url, s))
}

// play sends, tampers and replays, and returns what was sent and what arrived.
func (st *stage) play(ctx context.Context) (story, error) {
	var s story
	var err error
	if s.Sent, err = st.send(ctx, outgoing.NoFault); err != nil {
		return s, err
	}
	if s.Received, err = st.arrived(ctx); err != nil {
		return s, err
	}
	if _, err = st.send(ctx, outgoing.BodyFault); err != nil {
		return s, err
	}
	if s.Tampered, err = st.arrived(ctx); err != nil {
		return s, err
	}
	if err = st.replay(ctx, s.Received.ID); err != nil {
		return s, err
	}
	s.Replayed, err = st.arrived(ctx)
	return s, err
}

// margin is how far the story's examples are indented.
const margin = 3

// tell writes the story for a person.
func tell(v render.View, url string, s story) string {
	var b strings.Builder
	step := func(name, text string) { fmt.Fprintf(&b, "\n%s%s\n", v.Heading(name), v.Wrap(text)) }
	in := v.Indented(margin)
	b.WriteString(v.Wrap("One webhook, from the provider's signature to a replay. Nothing leaves this machine.") + "\n")

	step("1. Listen", "A listener waits at "+url+", as `hooks listen` does.")

	step("2. Send", "Canvelete makes a sample "+eventType+", signs its bytes with HMAC-SHA256 and posts it:")
	b.WriteString(indent(in.Headers(signature(s.Sent), nil)))
	b.WriteString(indent(in.Line(s.Sent)))

	step("3. Receive", "The signature was checked over the bytes as they came, and the delivery was on disk before the 200 went out:")
	b.WriteString(indent(in.Line(s.Received)))
	b.WriteString(indent(in.Body(s.Received.Header, s.Received.Body, "hooks events show "+s.Received.ID+" --raw")))

	step("4. Tamper", "The same event with one byte changed on its way, as `hooks send --tamper body` does. It is refused:")
	b.WriteString(indent(in.Line(s.Tampered)))
	b.WriteString(indent(in.Wrap(in.Verification(s.Tampered.Verification))))

	step("5. Replay", "The stored bytes and headers are sent again, as `hooks replay` does. The listener knows the event already:")
	b.WriteString(indent(in.Line(s.Replayed)))

	b.WriteString("\n" + v.Heading("Now with an app of your own"))
	b.WriteString(next())
	return b.String()
}

// next says what to type after the demo.
func next() string {
	rows := [][2]string{
		{"hooks listen :3000", "in one terminal (-f :8080 forwards)"},
		{"hooks send --event " + eventType, "in another"},
		{"hooks events list", "what was captured"},
		{"hooks replay last", "the newest one again"},
		{"hooks --help", "everything else"},
	}
	if built, ok := debug.ReadBuildInfo(); ok && built.Main.Version == "(devel)" {
		rows = append([][2]string{{"go install ./cmd/hooks", "once, in this clone"}}, rows...)
	}
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "   %-38s %s\n", r[0], r[1])
	}
	return b.String()
}

// signature returns the header of d that carries the signature.
func signature(d *webhook.Delivery) map[string][]string {
	const name = "X-Canvelete-Signature"
	return map[string][]string{name: d.Header.Values(name)}
}

// indent sets text off from the explanation around it.
func indent(text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	space := strings.Repeat(" ", margin)
	return space + strings.Join(lines, "\n"+space) + "\n"
}
