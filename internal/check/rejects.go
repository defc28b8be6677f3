package check

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// rejectFlag lets the sender's exit status be right where the app refuses.
const rejectFlag = "--expect-status 4xx"

// forged makes the shots of requests that must be refused. Those that the
// provider's own scheme takes all the same are left out.
func (k *kit) forged(list ...shot) ([]shot, error) {
	var out []shot
	for _, s := range list {
		if s.delivery == nil || !k.wrong(s.delivery) {
			continue
		}
		s.forged = true
		if s.at.IsZero() {
			s.at = k.now()
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, skip("the scheme of %s does not notice it", k.provider.ID)
	}
	return out, nil
}

func makeUnsigned(k *kit) ([]shot, error) {
	if err := k.signs(); err != nil {
		return nil, err
	}
	bare, err := k.sample()
	if err != nil {
		return nil, err
	}
	draft, err := k.sample()
	if err != nil {
		return nil, err
	}
	signed, err := k.sign(k.signer, draft)
	if err != nil {
		return nil, err
	}
	unsigned := *k
	unsigned.flag = "--unsigned"
	list := []shot{{delivery: bare, line: unsigned.sendLine(k.typ, rejectFlag)}}
	m := message(signed)
	removed := 0
	for _, s := range k.schemes {
		for _, name := range s.SignatureHeaders() {
			if m.Header[name] != nil {
				delete(m.Header, name)
				removed++
			}
		}
	}
	if removed > 0 && len(headersOf(draft, signed)) > removed {
		list[0].name = "nothing at all"
		list = append(list, shot{name: "a timestamp and no signature", delivery: with(signed, m)})
	}
	return k.forged(list...)
}

// signedSample returns a sample before and after it was signed.
func (k *kit) signedSample() (draft, signed *webhook.Delivery, err error) {
	if err := k.signs(); err != nil {
		return nil, nil, err
	}
	if draft, err = k.sample(); err != nil {
		return nil, nil, err
	}
	signed, err = k.sign(k.signer, draft)
	return draft, signed, err
}

// An operation is one way to spoil a signature.
type operation struct {
	name string
	cut  surgeon
}

// changed makes a shot of each operation that makes a difference.
func (k *kit) changed(list ...operation) ([]shot, error) {
	_, signed, err := k.signedSample()
	if err != nil {
		return nil, err
	}
	var out []shot
	for _, v := range list {
		d, err := k.operate(signed, v.cut)
		if err != nil {
			return nil, err
		}
		known := func(s shot) bool { return reflect.DeepEqual(s.delivery, d) }
		if !slices.ContainsFunc(out, known) {
			out = append(out, shot{name: v.name, delivery: d, line: k.headerLine(d)})
		}
	}
	return k.forged(out...)
}

// headerLine sends a sample with signature headers that give nothing away. Where
// a header also holds a timestamp, which has to be fresh, there is no such line.
func (k *kit) headerLine(d *webhook.Delivery) string {
	var flags []string
	for _, s := range k.schemes {
		if strings.Count(s.Spec().Signature.Format, "{") > 1 || s.Spec().Message != nil {
			return ""
		}
		for _, name := range s.SignatureHeaders() {
			for _, v := range d.Header[name] {
				if v == "" {
					flags = append(flags, "-H "+httptext.Word(name+";"))
					continue
				}
				flags = append(flags, "-H "+httptext.Word(name+": "+v))
			}
		}
	}
	if line := k.sendLine(k.typ, append(flags, rejectFlag)...); len(flags) > 0 && len(line) < maxLine {
		return line
	}
	return ""
}

// halfLine sends half of a right signature, which is made by the reader's own
// shell.
func (k *kit) halfLine(draft, signed *webhook.Delivery) string {
	program := ""
	for _, s := range k.schemes {
		for _, name := range s.SignatureHeaders() {
			for _, v := range signed.Header[name] {
				from, to := signatureIn(s.Spec(), v)
				if to != len(v) {
					return ""
				}
				n := to - from
				program += fmt.Sprintf(`tolower($0) ~ /^%s:/ {print substr($0, 1, length($0) - %d); next} `, strings.ToLower(name), n-n/2)
			}
		}
	}
	if program == "" {
		return ""
	}
	return k.curlLine(draft, awk(program+"{print}"), nil, same)
}

func makeEmpty(k *kit) ([]shot, error) {
	return k.changed(
		operation{"an empty value", func(*scheme.Scheme, string, int, int) string { return "" }},
		operation{"only what goes in front of it", func(_ *scheme.Scheme, v string, from, to int) string { return v[:from] + v[to:] }},
	)
}

func makeTruncated(k *kit) ([]shot, error) {
	draft, signed, err := k.signedSample()
	if err != nil {
		return nil, err
	}
	half := replaced(func(s string) string { return s[:len(s)/2] })
	d, err := k.operate(signed, half)
	if err != nil {
		return nil, err
	}
	return k.forged(shot{delivery: d, line: k.halfLine(draft, signed)})
}

func makeMalformed(k *kit) ([]shot, error) {
	return k.changed(
		operation{"what is neither hexadecimal nor base64", replaced(func(s string) string { return strings.Repeat("*", len(s)) })},
		operation{"letters that are not ASCII", replaced(func(s string) string { return strings.Repeat("é", max(1, len(s)/2)) })},
		operation{"8 KiB", replaced(func(string) string { return strings.Repeat("a", 8<<10) })},
	)
}

// broken makes the shot of a fault that a signer knows.
func (k *kit) broken(f outgoing.Fault, prepare func(*outgoing.Signer)) ([]shot, error) {
	if err := k.signs(); err != nil {
		return nil, err
	}
	signer, err := k.newSigner()
	if err != nil {
		return nil, err
	}
	wrong, err := k.provider.SecretForm().New()
	if err != nil {
		return nil, err
	}
	if err := signer.Break(f, wrong); err != nil {
		return nil, err
	}
	if prepare != nil {
		prepare(signer)
	}
	d, err := k.sample()
	if err != nil {
		return nil, err
	}
	now := k.now()
	d, err = signer.Sign(d, now)
	switch {
	case errors.Is(err, outgoing.ErrNothingToTamper):
		return nil, skip("it cannot be changed by itself in a request of %s", k.provider.ID)
	case err != nil:
		return nil, skip("%v", err)
	}
	line := ""
	if f != outgoing.NoFault {
		line = k.sendLine(k.typ, "--tamper "+string(f), rejectFlag)
	}
	at := now
	if f == outgoing.TimestampFault {
		at = now.Add(time.Minute)
	}
	return k.forged(shot{delivery: d, line: line, at: at})
}

func makeWrongSecret(k *kit) ([]shot, error) { return k.broken(outgoing.SecretFault, nil) }

func makeTamperedBody(k *kit) ([]shot, error) {
	if k.token() {
		return nil, skip("%s sends its secret in place of a signature: nothing covers the body", k.provider.ID)
	}
	return k.broken(outgoing.BodyFault, nil)
}

func makeTamperedTimestamp(k *kit) ([]shot, error) {
	if err := k.timestamps(); err != nil {
		return nil, err
	}
	return k.broken(outgoing.TimestampFault, nil)
}

// timestamps is an error where no timestamp is signed.
func (k *kit) timestamps() error {
	if err := k.signs(); err != nil {
		return err
	}
	if !k.timestamped() {
		return skip("%s signs no timestamp", k.provider.ID)
	}
	return nil
}

// documentsTolerance says whether the provider states how old a signed
// timestamp may be.
func (k *kit) documentsTolerance() bool {
	if k.main() == nil {
		return false
	}
	t := k.main().Spec().Timestamp.Tolerance
	return t.Value > 0 && !t.Assumed
}

// tooOld is an age that is beyond the tolerance, with room for clocks that
// differ and for apps that are more patient than they must be.
func (k *kit) tooOld() time.Duration {
	if k.documentsTolerance() {
		return 2*k.main().Tolerance() + time.Minute
	}
	return time.Hour
}

func makeStale(k *kit) ([]shot, error) {
	return k.aged(k.tooOld(), "--age "+took(k.tooOld()))
}

func makeFuture(k *kit) ([]shot, error) {
	ahead := time.Hour + k.tooOld()
	return k.aged(-ahead, fmt.Sprintf("--timestamp $(($(date +%%s) + %d))", int(ahead/time.Second)))
}

// aged makes a shot that is so old; flag is how the sender is told that.
func (k *kit) aged(age time.Duration, flag string) ([]shot, error) {
	if err := k.timestamps(); err != nil {
		return nil, err
	}
	shots, err := k.broken(outgoing.NoFault, func(s *outgoing.Signer) { s.Age = age })
	for i := range shots {
		shots[i].at = shots[i].at.Add(-age)
		shots[i].line = k.sendLine(k.typ, flag, rejectFlag)
	}
	return shots, err
}

func makeWrongAlgorithm(k *kit) ([]shot, error) {
	draft, signed, err := k.signedSample()
	switch {
	case err != nil:
		return nil, err
	case k.token():
		return nil, skip("%s sends its secret in place of a signature: there is no algorithm", k.provider.ID)
	case strings.HasPrefix(k.main().Spec().Algorithm, "jwt-"):
		d, err := k.operate(signed, replaced(unsecured))
		if err != nil {
			return nil, err
		}
		return k.forged(shot{name: "a token with the algorithm none", delivery: d})
	case k.main().Asymmetric():
		return nil, skip("%s signs with a key pair: there is no weaker form of it", k.provider.ID)
	}
	var out []shot
	for _, f := range k.forgeries() {
		d, err := k.forge(draft, f)
		if err != nil {
			continue
		}
		out = append(out, shot{name: f.name, delivery: d})
	}
	return k.forged(out...)
}

func makeSwapped(k *kit) ([]shot, error) {
	draft, signed, err := k.signedSample()
	if err != nil {
		return nil, err
	}
	if k.token() {
		return nil, skip("%s sends its secret in place of a signature: it fits every event", k.provider.ID)
	}
	other, err := k.sample()
	if err != nil {
		return nil, err
	}
	headers := headersOf(draft, signed)
	list := []shot{{name: "one that it has not seen", delivery: graft(other, headers), line: k.curlLine(draft, "", other.Body, same)}}
	if k.believed != nil {
		// An app may remember signatures, to be quick the next time.
		for name := range headers {
			headers[name] = k.believed.Header[name]
		}
		list = append(list, shot{name: "one that it has accepted", delivery: graft(other, headers)})
	}
	return k.forged(list...)
}
