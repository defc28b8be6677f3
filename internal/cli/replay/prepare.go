package replay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/replay"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// preparing makes the requests of one run.
type preparing struct {
	env       *cli.Env
	o         Options
	catalogue *provider.Catalogue
	options   replay.Options
	signers   map[string]*outgoing.Signer
}

// prepare makes the request of every delivery before the first one is sent, so
// that what cannot be sent stops all of it.
func (p *preparing) prepare(ctx context.Context, list []chosen) ([]replay.Item, error) {
	p.signers = map[string]*outgoing.Signer{}
	if err := p.read(ctx); err != nil {
		return nil, err
	}
	var items []replay.Item
	var old []*replay.TooOldError
	now := p.env.Now()
	for _, c := range list {
		options := p.options
		options.Manner.Timeout = p.timeout(c.delivery)
		item, err := replay.Prepare(c.delivery, options, now)
		var tooOld *replay.TooOldError
		switch {
		case errors.As(err, &tooOld):
			old = append(old, tooOld)
		case err != nil:
			return nil, p.meaning(err)
		}
		items = append(items, item)
	}
	if len(old) > 0 {
		return nil, p.tooOld(old)
	}
	return items, nil
}

func (p *preparing) read(ctx context.Context) error {
	var err error
	if err = p.env.GiveSecrets(p.o.Secrets); err != nil {
		return err
	}
	if p.catalogue, err = p.env.Workspace().Catalogue(); err != nil {
		return err
	}
	if p.options.Edits, err = p.env.Edits(p.o.Set, p.o.SetNew); err != nil {
		return err
	}
	if p.options.Header, err = cli.Headers(p.o.Headers); err != nil {
		return err
	}
	if p.o.To != "" {
		if p.options.To, err = p.env.Target(p.o.To, nil); err != nil {
			return err
		}
	} else if p.options.Else, err = p.env.Target("", nil); err != nil {
		return err
	}
	p.options.AsIs = p.o.AsIs
	p.options.Schemes = p.schemes
	if p.o.resigns() {
		p.options.Resign = func(d *webhook.Delivery, to *url.URL) (*outgoing.Signer, error) { return p.signer(ctx, d, to) }
	}
	return nil
}

// schemes are those of the provider of d, none if it is not known here.
func (p *preparing) schemes(d *webhook.Delivery) []*scheme.Scheme {
	if of := p.provider(d); of != nil {
		return of.Schemes()
	}
	return nil
}

func (p *preparing) provider(d *webhook.Delivery) *provider.Provider {
	id := d.Provider
	if id == "" {
		found := p.catalogue.Recognise(&scheme.Message{Method: d.Method, URL: d.URL, Header: d.Header, Body: d.Body})
		if len(found) != 1 {
			return nil
		}
		return found[0]
	}
	of, err := p.catalogue.Get(id)
	if err != nil {
		return nil // of a definition that is not there any more
	}
	return of
}

func (p *preparing) timeout(d *webhook.Delivery) time.Duration {
	if p.o.Timeout > 0 {
		return p.o.Timeout
	}
	if of := p.provider(d); of != nil {
		return of.Delivery.Timeout
	}
	return 0
}

// signer returns what signs d anew. It is the same for all deliveries of a
// provider that stay on this machine, and for all that do not.
func (p *preparing) signer(ctx context.Context, d *webhook.Delivery, to *url.URL) (*outgoing.Signer, error) {
	of := p.provider(d)
	if of == nil {
		return nil, replay.ErrNoSigner
	}
	key := fmt.Sprint(of.ID, address.LoopbackURL(to))
	if s := p.signers[key]; s != nil {
		return s, nil
	}
	s, _, err := p.env.Signer(ctx, of, to, false)
	if err == nil {
		p.signers[key] = s
	}
	return s, err
}

// conceal takes the secret out of a request that is shown.
func (p *preparing) conceal(d *webhook.Delivery) *webhook.Delivery {
	for _, s := range p.signers {
		d = s.Conceal(d)
	}
	return d
}

// meaning gives an error of preparing its status and hints.
func (p *preparing) meaning(err error) error {
	var redacted *replay.RedactedError
	var path *payload.PathError
	var unfit *replay.UnfitError
	switch {
	case errors.As(err, &redacted):
		return cli.Usage(err, "replay the capture itself, on the machine that has it")
	case errors.As(err, &path) && path.Nearest == "":
		return cli.Usage(err, "--set-new adds a field")
	case errors.Is(err, replay.ErrNoSigner):
		return cli.Usage(err, "--as-is sends the signature that it came with")
	case errors.As(err, &unfit):
		return cli.Usage(err)
	}
	return err
}

// tooOld says why nothing was sent, and prints the line that signs anew.
func (p *preparing) tooOld(old []*replay.TooOldError) error {
	text := old[0].Error()
	if len(old) > 1 {
		text += fmt.Sprintf(", and so on for %d in all", len(old))
	}
	return cli.Usage(errors.New(text+"; nothing was sent"),
		"to sign anew: "+againWith(p.env.Args, "--resign"),
		"--as-is sends the old signature all the same")
}

// againWith returns the command line with one more flag, as a shell reads it.
// A secret that stands in it is left out.
func againWith(args []string, flag string) string {
	words := []string{"hooks"}
	secret := false
	for _, arg := range args {
		switch value, isSecret := strings.CutPrefix(arg, "--secret="); {
		case secret && cli.IsLiteral(arg):
			arg = "env:NAME"
		case isSecret && cli.IsLiteral(value):
			arg = "--secret=env:NAME"
		}
		secret = arg == "--secret"
		words = append(words, httptext.Word(arg))
	}
	return strings.Join(append(words, flag), " ")
}

// many is how many deliveries may go to another machine without a yes.
const many = 10

// allow asks before anything goes to another machine that was not named on the
// command line, or before a lot does.
func allow(env *cli.Env, o Options, items []replay.Item) error {
	if o.Yes {
		return nil
	}
	hosts := map[string]bool{}
	recorded, away := false, 0
	for _, i := range items {
		if !i.Local {
			hosts[i.Host], recorded = true, recorded || i.Recorded
			away += o.Times
		}
	}
	if away == 0 || !recorded && away <= many {
		return nil
	}
	names := safetext.Line(strings.Join(slices.Sorted(maps.Keys(hosts)), ", "))
	question := fmt.Sprintf("send %s to %s, which is not this machine", plural(away), names)
	if yes, asked, err := env.Confirm(question); asked {
		if err == nil && !yes {
			err = cli.NoBecause(errors.New("nothing was sent"))
		}
		return err
	}
	hints := []string{"--yes sends it all the same"}
	if recorded {
		hints = append(hints, "--to :3000 sends it to this machine instead")
	}
	return cli.Usage(errors.New("would "+question), hints...)
}

// tellDropped says which credentials stay here.
func tellDropped(env *cli.Env, items []replay.Item) {
	told := map[string]bool{}
	for _, i := range items {
		line := fmt.Sprintf("credentials are not sent to %s: %s", i.Host, strings.Join(i.Dropped, ", "))
		if len(i.Dropped) > 0 && !told[line] {
			told[line] = true
			env.Say("%s", line)
		}
	}
}

// accepted says whether a status is one that a sender takes for delivered.
func accepted(r *webhook.Response) bool {
	return r != nil && r.Status >= http.StatusOK && r.Status <= 299
}
