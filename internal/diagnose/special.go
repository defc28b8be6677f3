package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Of a signature that was cut off, so much has to be right before it is said.
const (
	leastHex    = 16
	leastBase64 = 11
)

// expired tells how far the timestamp of a right signature is off.
func expired(s *scheme.Scheme, r Request) Finding {
	at := s.Time(r.Message)
	tolerance := r.Tolerance
	if tolerance == 0 {
		tolerance = s.Tolerance()
	}
	off := r.Now.Sub(at)
	detail := fmt.Sprintf("the signature is right; its timestamp is %v old, and %v are allowed", off.Round(time.Second), tolerance)
	if off < 0 {
		detail = fmt.Sprintf("the signature is right; its timestamp is %v ahead, and %v are allowed", (-off).Round(time.Second), tolerance)
	}
	switch whole := off.Round(time.Minute); {
	case whole%(30*time.Minute) == 0 && whole.Abs() >= 30*time.Minute && whole.Abs() <= 14*time.Hour && (off-whole).Abs() < time.Minute:
		detail += "; it is off by about whole half hours, as a clock in the wrong zone is"
	case off < 0 || off < tolerance+10*time.Minute:
		detail += "; the clock of this machine or of the sender may be wrong"
	}
	return Finding{Causes: []Cause{TimestampExpired}, Detail: detail, Fix: fixOf(TimestampExpired)}
}

// headerMissing lists what came instead of a signature.
func headerMissing(r Request) Finding {
	var wanted []string
	for _, s := range r.Provider.Schemes() {
		wanted = append(wanted, s.SignatureHeaders()...)
	}
	names := make([]string, 0, len(r.Message.Header))
	for name := range r.Message.Header {
		names = append(names, safetext.Line(name))
	}
	slices.Sort(names)
	detail := "no signature came"
	if len(wanted) > 0 {
		detail = "there is no header " + strings.Join(wanted, " or ")
	}
	if len(names) > 0 {
		detail += "; the headers that came are " + strings.Join(names, ", ")
	}
	return Finding{Causes: []Cause{HeaderMissing}, Detail: detail, Fix: fixOf(HeaderMissing)}
}

// carriesAny says whether a header that is not the provider's could hold a
// signature.
func carriesAny(r Request) bool {
	for _, values := range r.Message.Header {
		if slices.ContainsFunc(values, signatureLike) {
			return true
		}
	}
	return false
}

// others asks whether the request is right for another provider as it is.
func (s *search) others() []Finding {
	var out []Finding
	for _, p := range s.r.Providers {
		if p.ID == s.r.Provider.ID {
			continue
		}
		for _, sch := range p.Schemes() {
			if !sch.Applies(s.r.Message) || slices.Contains([]string{"token", "basic"}, sch.Spec().Algorithm) {
				continue
			}
			keys := keysOf(sch, append(slices.Clone(s.r.Secrets), s.r.Others...))
			if len(keys) > 0 && sch.Verify(s.r.Message, keys, scheme.VerifyOptions{Now: s.r.Now, AgeOff: true}).Status == webhook.Verified {
				out = append(out, Finding{
					Causes: []Cause{ProviderOther}, Detail: "it is a right signature of " + p.ID,
					Fix: "verify it as " + p.ID + ": --provider " + p.ID,
				})
				break
			}
		}
		s.tried["providers"]++
	}
	return out
}

// truncated compares what came with the beginning of what was expected.
func (s *search) truncated() []Finding {
	sch := s.schemes[0].scheme
	got, ok := sch.Read(s.r.Message)
	if sch.Asymmetric() || sch.Spec().Algorithm == "token" {
		return nil
	}
	var came []string
	if ok {
		came = got.Signatures
	} else {
		came = s.cutOff(sch)
	}
	for ki := range s.secrets {
		key := s.key(0, ki)
		if key == nil {
			continue
		}
		expected, ok := s.expected(sch, key)
		if !ok {
			continue
		}
		for _, c := range came {
			least := leastHex
			if sch.Spec().Signature.Encoding != "" && !strings.HasPrefix(sch.Spec().Signature.Encoding, "hex") {
				least = leastBase64
			}
			if len(c) < least || len(c) >= len(expected) || !strings.HasPrefix(expected, c) {
				continue
			}
			f := Finding{
				Causes: []Cause{SignatureTruncated}, Fix: fixOf(SignatureTruncated),
				Detail: fmt.Sprintf("only the first %d of %d characters of the signature came, and they are right", len(c), len(expected)),
			}
			if c := s.secrets[ki]; c.cause != "" {
				f.Causes, f.Detail = append(f.Causes, c.cause), join(f.Detail, c.detail)
			}
			return []Finding{f}
		}
	}
	return nil
}

// cutOff reads a signature that is too short to be one, as far as it came.
func (s *search) cutOff(sch *scheme.Scheme) []string {
	prefix, _, _ := strings.Cut(sch.Spec().Signature.Format, "{signature}")
	var out []string
	for _, name := range sch.SignatureHeaders() {
		for _, v := range s.r.Message.Header.Values(name) {
			if rest, ok := strings.CutPrefix(v, prefix); ok {
				out = append(out, rest)
			}
		}
	}
	return out
}

// expected signs the request again with its own timestamp and returns the
// signature.
func (s *search) expected(sch *scheme.Scheme, key *scheme.Key) (string, bool) {
	m := clone(s.r.Message)
	at := sch.Time(m)
	if at.IsZero() {
		at = s.r.Now
	}
	if sch.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{key}, At: at, KeepStamp: true}) != nil {
		return "", false
	}
	read, ok := sch.Read(m)
	if !ok || len(read.Signatures) != 1 {
		return "", false
	}
	return read.Signatures[0], true
}
