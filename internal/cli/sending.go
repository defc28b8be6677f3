package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/http/httpproxy"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/child"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/junit"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
)

// appPatience is how long the command behind "--" may take until it listens,
// where --wait does not say.
const appPatience = 30 * time.Second

// InsecureFlag declares --insecure.
func InsecureFlag(cmd *cobra.Command, p *bool) {
	cmd.Flags().BoolVarP(p, "insecure", "k", false, "do not check TLS certificates")
}

// Deliverer returns what makes attempts, through the proxy that the
// environment names. That certificates are not checked is told at once, in red.
func (e *Env) Deliverer(insecure bool) *deliver.Client {
	if insecure {
		const text = "TLS certificates are not checked (--insecure)"
		if e.Global.WantsJSON() {
			e.Warn(text)
		} else {
			_, _ = io.WriteString(e.Err, e.ErrView().Palette.Bad("hooks: warning: "+text)+"\n")
		}
	}
	return deliver.New(e.Now, deliver.Options{Insecure: insecure, Proxy: e.proxy()})
}

func (e *Env) proxy() func(*http.Request) (*url.URL, error) {
	get := func(name string) string {
		if v := e.Getenv(name); v != "" {
			return v
		}
		return e.Getenv(strings.ToLower(name))
	}
	c := httpproxy.Config{HTTPProxy: get("HTTP_PROXY"), HTTPSProxy: get("HTTPS_PROXY"), NoProxy: get("NO_PROXY")}
	if c.HTTPProxy == "" && c.HTTPSProxy == "" {
		return nil
	}
	find := c.ProxyFunc()
	return func(r *http.Request) (*url.URL, error) { return find(r.URL) }
}

// Edits reads the values of --set and --set-new. A value may be @FILE, file:FILE
// or env:NAME, and @- is standard input; "-" is a value like any other.
func (e *Env) Edits(set, setNew []string) ([]payload.Edit, error) {
	for _, list := range []*[]string{&set, &setNew} {
		texts := slices.Clone(*list)
		for i, text := range texts {
			name, value, _ := strings.Cut(text, "=")
			if value == "@-" {
				value = "-"
			} else if value == "-" || IsLiteral(value) {
				continue
			}
			b, err := e.Bytes(value)
			if err != nil {
				return nil, WithHints(fmt.Errorf("value of %s: %w", name, err), "a text that begins so is written as JSON: "+strings.TrimSuffix(name, ":")+`:='"…"'`)
			}
			texts[i] = name + "=" + string(b)
		}
		*list = texts
	}
	edits, err := outgoing.Edits(set, setNew)
	if err != nil {
		return nil, Usage(err)
	}
	return edits, nil
}

// StartApp starts the command behind "--", if there is one, and waits until
// something listens at target: for as long as wait says, and for half a minute
// where it says nothing and there is a command. The returned function stops
// the command again and must be called in any case. The command sees vars,
// NAME=VALUE, in its environment.
func (e *Env) StartApp(ctx context.Context, argv []string, target string, wait time.Duration, vars ...string) (stop func(), err error) {
	stop = func() {}
	var ended <-chan struct{}
	var app *child.Process
	if len(argv) > 0 {
		if app, err = e.StartCommand(argv, vars...); err != nil {
			return stop, err
		}
		stop, ended = app.Stop, app.Done()
		if wait <= 0 {
			wait = appPatience
		}
	}
	if wait <= 0 {
		return stop, nil
	}
	err = deliver.WaitFor(ctx, target, wait, ended)
	switch {
	case err == nil:
		return stop, nil
	case ctx.Err() != nil:
		return stop, ctx.Err()
	case app != nil && closed(ended):
		return stop, Failed(fmt.Errorf("%w before anything listened at %s", app.Ended(), target))
	}
	return stop, Failed(err, "--wait DURATION waits longer")
}

// StartCommand starts the command behind "--" and waits for nothing. Its output
// goes to where people are told things.
func (e *Env) StartCommand(argv []string, vars ...string) (*child.Process, error) {
	p, err := child.Start(child.Command{Args: argv, Dir: e.Dir, Env: vars, Out: e.Err})
	if err != nil {
		return nil, Failed(err)
	}
	return p, nil
}

// AllowAway refuses to do to another machine what is meant for one's own,
// unless yes says that it is meant. what begins the sentence: "a load".
func (e *Env) AllowAway(what string, target *url.URL, yes bool) error {
	if yes || address.LoopbackURL(target) {
		return nil
	}
	return Usage(fmt.Errorf("%s towards %s, which is not this machine", what, target.Host), "--yes sends it all the same")
}

// Proxied says whether a proxy of the environment leads to target.
func (e *Env) Proxied(target *url.URL) bool {
	find := e.proxy()
	if find == nil {
		return false
	}
	proxy, err := find(&http.Request{URL: target})
	return err == nil && proxy != nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// CutCommand divides the arguments of cmd into those in front of "--" and the
// command behind it.
func CutCommand(cmd *cobra.Command, args []string) (own, command []string) {
	if n := cmd.ArgsLenAtDash(); n >= 0 {
		return args[:n], args[n:]
	}
	return args, nil
}

// ArgsBeforeCommand is Args for what stands in front of "--".
func ArgsBeforeCommand(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		own, _ := CutCommand(cmd, args)
		return Args(least, most, what)(cmd, own)
	}
}

// JUnitFlag declares --junit.
func JUnitFlag(cmd *cobra.Command, p *string) {
	cmd.Flags().StringVar(p, "junit", "", "write a JUnit report to `FILE`")
}

// WriteJUnit writes the report that --junit asks for; none, if name is "".
func (e *Env) WriteJUnit(name string, s junit.Suite) error {
	if name == "" {
		return nil
	}
	var b strings.Builder
	if err := s.Write(&b); err != nil {
		return Failed(err)
	}
	return e.WriteFile(name, []byte(b.String()))
}

// Headers reads headers as curl's -H takes them: "Name: value" sets one, again
// for a second value, "Name:" removes what would be sent, and "Name;" sends it
// empty.
func Headers(lines []string) (http.Header, error) {
	h := http.Header{}
	for _, line := range lines {
		name, value, found := strings.Cut(line, ":")
		empty := false
		if !found {
			name, empty = strings.CutSuffix(line, ";")
			if !empty {
				return nil, Usage(fmt.Errorf("the header %q has no colon", firstWord(line)), "write -H 'Name: value'")
			}
		}
		name = http.CanonicalHeaderKey(strings.TrimSpace(name))
		switch first := firstWord(name); {
		case name == "":
			return nil, Usage(errors.New("a header has no name"), "write -H 'Name: value'")
		case first != name:
			return nil, Usage(fmt.Errorf("the header name %q is not valid", first), "write -H 'Name: value'")
		}
		switch value = strings.TrimSpace(value); {
		case value != "" || empty:
			h[name] = append(h[name], value)
		default:
			h[name] = nil
		}
	}
	return h, deliverable(h)
}

// firstWord is what may be shown of a header that was mistyped: what follows may
// be a credential.
func firstWord(line string) string {
	line = strings.TrimSpace(line)
	if end := strings.IndexAny(line, " \t\r\n"); end >= 0 {
		return line[:end] + " …"
	}
	return line
}

func deliverable(h http.Header) error {
	if err := deliver.Check(deliver.Request{URL: "http://localhost", Header: h}); err != nil {
		return Usage(err)
	}
	return nil
}
