package send

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Run does the work and prints the answers.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	s, err := prepare(ctx, env, o)
	if err != nil {
		return err
	}
	if o.DryRun && o.Handshake {
		return s.dryHandshakes(ctx)
	}
	if o.DryRun {
		return s.dryRun(ctx)
	}
	if o.Load {
		if err := env.AllowAway("a load", s.target, o.Yes); err != nil {
			return err
		}
	}
	stop, err := env.StartApp(ctx, o.Command, s.target.String(), o.Wait)
	defer stop()
	if err != nil {
		return err
	}
	s.client = env.Deliverer(o.Insecure)
	defer s.client.Close()
	if o.Handshake {
		return s.shakeHands(ctx)
	}
	if o.Load {
		return s.load(ctx)
	}
	return s.deliverAll(ctx)
}

// sending is one run of the command.
type sending struct {
	env      *cli.Env
	o        Options
	provider *provider.Provider
	others   []string // providers that would do too
	target   *url.URL
	named    []secret.Named // that sign
	signer   *outgoing.Signer
	order    outgoing.Order
	types    []string // of the events, in order
	manner   outgoing.Manner
	expect   func(status int) bool // nil: 2xx
	rate     float64
	client   *deliver.Client
	ids      ids.Generator
	keep     bool // deliveries are kept in the store
}

// prepare reads all that the command line says, so that nothing is sent before
// all of it is known to make sense.
func prepare(ctx context.Context, env *cli.Env, o Options) (*sending, error) {
	s := &sending{env: env, o: o, types: o.Events, keep: true}
	var data []byte
	if o.HasData {
		var err error
		if data, err = readData(env, o.Data); err != nil {
			return nil, err
		}
	}
	if err := env.GiveSecrets(o.Secrets); err != nil {
		return nil, err
	}
	var err error
	if err = s.choose(ctx, data); err != nil {
		return nil, err
	}
	if s.target, err = env.Target(o.To, s.provider); err != nil {
		return nil, err
	}
	if err := s.readFlags(data); err != nil {
		return nil, err
	}
	unsigned := o.Unsigned || o.Handshake && !needSecret(s.provider)
	if s.signer, s.named, err = env.Signer(ctx, s.provider, s.target, unsigned); err != nil {
		return nil, err
	}
	s.signer.At, s.signer.Age = s.order.At, o.Age
	s.signer.Header = s.order.Header
	return s, s.breakIt()
}

func (s *sending) choose(ctx context.Context, data []byte) (err error) {
	if s.o.Handshake {
		s.provider, err = chooseGreeter(s.env, s.o.Provider)
		return err
	}
	s.provider, s.others, err = s.env.ChooseProvider(ctx, s.o.Provider, s.o.Events, data)
	return err
}

// announce says what the command line left open, before anything is sent.
func (s *sending) announce() {
	s.env.TellChoice(s.provider, s.others)
	if s.o.To == "" {
		s.env.Say("to %s", safetext.CleanURL(s.target.String()))
	}
}

// readData reads a body. A terminal is not a body: whoever forgot the file
// would wait for ever.
func readData(env *cli.Env, text string) ([]byte, error) {
	if text == "-" && env.InTerminal {
		env.Say("reading the body from the terminal; Ctrl-D ends it")
	}
	data, err := env.Bytes(text)
	if err != nil {
		return nil, err
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

func (s *sending) readFlags(data []byte) error {
	edits, err := s.env.Edits(s.o.Set, s.o.SetNew)
	if err != nil {
		return err
	}
	header, err := cli.Headers(s.o.Headers)
	if err != nil {
		return err
	}
	s.moveUser(header)
	s.order = outgoing.Order{
		Provider: s.provider, URL: s.target.String(), ID: s.o.ID, Seed: s.o.Seed, Data: data, Edits: edits, Header: header,
	}
	if s.o.Timestamp != "" {
		if s.order.At, err = units.ParseTime(s.o.Timestamp, s.env.Now()); err != nil {
			return cli.Usagef("--timestamp: %w", err)
		}
	}
	s.manner = outgoing.Manner{Timeout: s.o.Timeout, Chunked: s.o.Chunked, Slow: s.o.Slow}
	if s.manner.Timeout == 0 {
		s.manner.Timeout = s.provider.Delivery.Timeout
	}
	if s.o.Slow >= s.manner.Timeout && s.o.Slow > 0 && s.manner.Timeout > 0 {
		return cli.Usage(fmt.Errorf("a body spread over %s does not fit into the time-out of %s, which is %s",
			units.FormatDuration(s.o.Slow), s.provider.ID, units.FormatDuration(s.manner.Timeout)), "add --timeout "+units.FormatDuration(2*s.o.Slow))
	}
	if s.o.Expect != "" {
		if s.expect, err = outgoing.ParseStatus(s.o.Expect); err != nil {
			return cli.Usagef("--expect-status %s: %w", s.o.Expect, err)
		}
	}
	s.rate, err = parseRate(s.o.Rate)
	return err
}

// moveUser makes a header of the user name and password of the address: headers
// with credentials are masked wherever a delivery is shown.
func (s *sending) moveUser(h http.Header) {
	if s.target.User == nil {
		return
	}
	if _, given := h["Authorization"]; !given {
		password, _ := s.target.User.Password()
		r := http.Request{Header: h}
		r.SetBasicAuth(s.target.User.Username(), password)
	}
	bare := *s.target
	bare.User = nil
	s.target = &bare
}

// breakIt makes what is sent wrong on purpose, where that is asked for and
// possible.
func (s *sending) breakIt() error {
	if s.o.Age != 0 && !s.signer.Timestamped() {
		return cli.Usagef("%s signs no timestamp, so --age changes nothing", s.provider.ID)
	}
	fault := outgoing.Fault(s.o.Tamper)
	if fault == outgoing.NoFault {
		return nil
	}
	if !s.signer.Signs() {
		return cli.Usagef("%s signs nothing that --tamper could make wrong", s.provider.ID)
	}
	if fault == outgoing.TimestampFault && !s.signer.Timestamped() {
		return cli.Usage(fmt.Errorf("%s signs no timestamp, so --tamper timestamp changes nothing", s.provider.ID), "try --tamper body")
	}
	wrong, err := s.provider.SecretForm().New()
	if err != nil {
		return err
	}
	return s.signer.Break(fault, wrong)
}

// compose makes the deliveries that are to be sent, in their order.
func (s *sending) compose() ([]*webhook.Delivery, error) {
	types := s.types
	if len(types) == 0 {
		types = []string{""} // that of the body
	}
	var out []*webhook.Delivery
	for _, t := range types {
		order := s.order
		order.Type = t
		if order.At.IsZero() && order.Seed == nil {
			order.At = s.env.Now()
		}
		d, err := outgoing.Compose(order)
		if err != nil {
			return nil, composeError(err)
		}
		if s.o.HasData && strings.Contains(d.Header.Get("Content-Type"), "json") && payload.Valid(d.Body) != nil {
			s.env.Say("the body is not JSON; it is sent as it is")
		}
		for range 1 + s.o.Duplicate {
			out = append(out, d)
		}
	}
	if s.o.Shuffle {
		outgoing.Shuffle(out, s.o.Seed)
	}
	return out, nil
}

func composeError(err error) error {
	var (
		path    *payload.PathError
		event   *provider.UnknownEventError
		another *provider.TypeError
	)
	switch {
	case errors.As(err, &path) && path.Nearest == "":
		return cli.Usage(err, "--set-new adds a field")
	case errors.As(err, &event) && event.Nearest == "":
		return cli.Usage(err, "hooks providers show "+event.Provider+" lists its events")
	case errors.As(err, &another):
		return cli.Usage(err, "leave --event out: the body says what it is")
	}
	return cli.Usage(err)
}

// sign signs d anew as of now, with the verdict on it.
func (s *sending) sign(d *webhook.Delivery, now time.Time) (*webhook.Delivery, error) {
	out, err := s.signer.Sign(d, now)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%s %s: %w", d.Provider, d.EventType, err))
	}
	out.Verification = s.signer.Judge(out, now)
	return out, nil
}

// parseRate reads 500/s, 30/m or 1000/h, and a number alone as one a second.
func parseRate(text string) (float64, error) {
	if text == "" {
		return 0, nil
	}
	number, per, _ := strings.Cut(text, "/")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	seconds, ok := map[string]float64{"": 1, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60, "h": 3600, "hour": 3600}[strings.TrimSpace(per)]
	if err != nil || !ok || !(n > 0 && n <= 1e7) { // NaN neither
		return 0, cli.Usage(fmt.Errorf("--rate %q is no rate", text), "write for example --rate 500/s or --rate 30/m")
	}
	return n / seconds, nil
}

// right says whether an answer is the one that is wanted.
func (s *sending) right(r *webhook.Response) bool {
	if r == nil {
		return false
	}
	if s.expect != nil {
		return s.expect(r.Status)
	}
	return r.Status >= http.StatusOK && r.Status <= 299
}
