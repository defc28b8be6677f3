package diagnose

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// expired tells how far the timestamp of a right signature is off.
func (r Request) expired(s *scheme.Scheme) Finding {
	f := Finding{Causes: []Cause{TimestampExpired}, Detail: "the signature is right"}
	if late, ok := r.late(s); ok {
		f.Detail += "; " + late
	}
	f.Fix, f.Advice = advise(r.Provider, f.Causes)
	return f
}

// headerMissing lists what came instead of a signature.
func headerMissing(r Request) Finding {
	var names []string
	for _, s := range r.Provider.Schemes() {
		for _, name := range s.SignatureHeaders() {
			if !slices.Contains(names, name) && len(names) < 4 {
				names = append(names, name)
			}
		}
	}
	f := Finding{Causes: []Cause{HeaderMissing}, Detail: "no signature came"}
	if len(names) > 0 {
		f.Detail = "there is no header " + strings.Join(names, " or ")
	}
	for _, name := range names {
		f.Header = append(f.Header, Header{name, "did not come"})
	}
	var came []string
	for name := range r.Message.Header {
		came = append(came, safetext.Line(name))
	}
	slices.Sort(came)
	if len(came) > 0 {
		f.Detail += "; the headers that came are " + strings.Join(came, ", ")
	} else {
		f.Detail += "; no header came at all"
	}
	if through := proxies(r.Message.Header); len(through) > 0 {
		f.Detail += "; the request came through " + strings.Join(through, " and ") + ", which may have dropped it"
	}
	f.Fix, f.Advice = advise(r.Provider, f.Causes)
	return f
}

// proxies names what the headers of a request say that it came through.
func proxies(h http.Header) []string {
	var out []string
	for _, p := range []struct{ header, name string }{
		{"Cf-Ray", "Cloudflare"},
		{"X-Amzn-Trace-Id", "an AWS load balancer or API gateway"},
		{"X-Amz-Cf-Id", "CloudFront"},
		{"X-Vercel-Id", "Vercel"},
		{"X-Nf-Request-Id", "Netlify"},
		{"Fly-Request-Id", "Fly.io"},
		{"X-Azure-Ref", "Azure Front Door"},
		{"X-Cloud-Trace-Context", "Google Cloud"},
		{"X-Envoy-External-Address", "Envoy"},
		{"X-Forwarded-Server", "a proxy that sets X-Forwarded-Server, as Apache and Traefik do"},
		{"X-Real-Ip", "a proxy that sets X-Real-IP, as nginx does: it drops headers with an underscore unless told underscores_in_headers on"},
	} {
		if h.Get(p.header) != "" {
			out = append(out, p.name)
		}
	}
	if via := h.Get("Via"); via != "" {
		out = append(out, safetext.Line(via))
	}
	if len(out) == 0 && (h.Get("X-Forwarded-For") != "" || h.Get("Forwarded") != "") {
		out = append(out, "a proxy")
	}
	return out
}

// carriesAny says whether anything in the headers could be a signature.
func carriesAny(r Request) bool {
	for _, values := range r.Message.Header {
		if slices.ContainsFunc(values, signatureLike) {
			return true
		}
	}
	return false
}

// others asks whether the request is right for another provider: as it is, or
// with the signature that was given where that provider has it. That is likelier
// than anything else if its body is an event of that provider and none of ours.
func (r Request) others(tried map[string]int) (f []Finding, likelier bool) {
	var names []string
	for _, p := range r.Providers {
		if p.ID == r.Provider.ID {
			continue
		}
		tried["provider"]++
		if slices.ContainsFunc(p.Schemes(), r.rightFor) {
			names = append(names, p.ID)
			likelier = likelier || knows(p, r.Message) && !knows(r.Provider, r.Message)
		}
	}
	if len(names) == 0 {
		return nil, false
	}
	other := Finding{Causes: []Cause{ProviderOther}, Detail: "it is a right signature of " + strings.Join(names[:min(3, len(names))], ", of ")}
	other.Fix, other.Advice = advise(nil, other.Causes)
	other.Fix += ": --provider " + names[0]
	other.Advice[0].Say = other.Fix
	return []Finding{other}, likelier
}

// knows says whether m is an event that the provider is known to send.
func knows(p *provider.Provider, m *scheme.Message) bool {
	name := p.Describe(m).EventType
	_, ok := p.Event(name)
	return ok && name != ""
}

func (r Request) rightFor(sch *scheme.Scheme) bool {
	spec := sch.Spec()
	if spec.Algorithm == "token" || spec.Algorithm == "basic" {
		return false
	}
	m := r.Message
	if !sch.Applies(m) {
		// A value that holds its own timestamp tells whose it is.
		if !strings.Contains(spec.Signature.Format, "{timestamp}") {
			return false
		}
		if m = r.asIf(spec); m == nil {
			return false
		}
	}
	keys := keysOf(sch, slices.Concat(r.Secrets, r.Others))
	for len(keys) > 0 {
		n := min(len(keys), scheme.MaxKeys)
		if sch.Verify(m, keys[:n], scheme.VerifyOptions{Now: r.Now, AgeOff: true}).Status == webhook.Verified {
			return true
		}
		keys = keys[n:]
	}
	return false
}

// asIf has the signature where another provider has it.
func (r Request) asIf(spec scheme.Spec) *scheme.Message {
	for _, own := range r.Provider.Schemes() {
		for _, in := range own.Spec().Signature.In {
			from, err1 := scheme.ParsePlace(in)
			to, err2 := scheme.ParsePlace(spec.Signature.In[0])
			if err1 != nil || err2 != nil {
				continue
			}
			if values := from.Values(r.Message); len(values) == 1 {
				m := clone(r.Message)
				if to.Set(m, values[0]) == nil {
					return m
				}
			}
		}
	}
	return nil
}

// compared looks for the body among what came with the same signature.
func (r Request) compared(s *search) (Finding, bool) {
	for _, c := range r.Captures {
		m := withBody(r.Message, c.Body)
		if bytes.Equal(c.Body, r.Message.Body) || s.base.Verify(m, keysOf(s.base, r.Secrets), scheme.VerifyOptions{AgeOff: true}).Status != webhook.Verified {
			continue
		}
		f := Finding{Causes: []Cause{Unknown}, Signed: c.Body, Received: r.Message.Body, Capture: c.ID}
		f.Detail = "the signature is right for the body of the capture " + c.ID + "; the one here is another"
		if sameJSON(c.Body, r.Message.Body) {
			f.Causes = []Cause{BodyReserialised}
			f.Detail = "the signature is right for the body of the capture " + c.ID + "; the one here is the same JSON, written again"
		}
		f.Fix, f.Advice = advise(r.Provider, []Cause{BodyReserialised})
		return f, true
	}
	return Finding{}, false
}

// sameJSON says whether two bodies say the same.
func sameJSON(a, b []byte) bool {
	x, y := parseJSON(a), parseJSON(b)
	if x == nil || y == nil {
		return false
	}
	plain := style{layout: layout{item: ",", key: ":"}, numbers: javaScriptNumber, order: sorted}
	return bytes.Equal(plain.write(x.ordered(sorted)), plain.write(y.ordered(sorted)))
}

// unknown is the report of a search that has found nothing: what was ruled out,
// and what to do next.
func (r Request) unknown(report Report, detail string) Report {
	if ruled := report.RuledOut(); ruled != "" {
		detail += "; ruled out: " + ruled
	}
	f := Finding{Causes: []Cause{Unknown}, Detail: detail}
	steps := r.next()
	var numbered []string
	for i, s := range steps {
		numbered = append(numbered, fmt.Sprintf("%d. %s", i+1, s))
	}
	f.Fix = strings.Join(numbered, "\n")
	f.Advice = []Advice{{Steps: steps}}
	report.Findings = []Finding{f}
	return report
}

// RuledOut says how much was tried in vain, by family; "" if nothing was.
func (r Report) RuledOut() string {
	var out []string
	for _, f := range []struct{ family, one, many string }{
		{"body", "other body", "other bodies"},
		{"secret", "other secret", "other secrets"},
		{"algorithm", "other algorithm", "other algorithms"},
		{"timestamp", "other timestamp", "other timestamps"},
		{"content", "other content or address", "other contents and addresses"},
		{"signature", "reading of the signature", "readings of the signature"},
		{"provider", "other provider", "other providers"},
		{Pairs, "pair of these", "pairs of these"},
		{Threes, "three of these together", "threes of these"},
	} {
		switch n := r.Tried[f.family]; n {
		case 0:
		case 1:
			out = append(out, "1 "+f.one)
		default:
			out = append(out, safetext.Thousands(n)+" "+f.many)
		}
	}
	return strings.Join(out, ", ")
}

// next are the three things to try when nothing was found. What the request
// itself shows to be wrong comes first.
func (r Request) next() []string {
	var out []string
	b := r.Message.Body
	switch {
	case r.unstamped():
		out = append(out, "the timestamp did not come, and it is signed too: give it with --timestamp, or the whole request with --request")
	case bytes.Contains(b, []byte("[object Object]")):
		out = append(out, "the body is [object Object], which is no JSON: an object was taken for a text; verify the bytes that came")
	case bytes.Contains(b, []byte("\ufffd")):
		out = append(out, "the body holds U+FFFD, which stands for bytes that were lost when it was decoded: verify the bytes that came")
	case sortedNames(b):
		out = append(out, "the names in this JSON are sorted: a parser has lost the order in which the provider wrote them; verify the bytes that came")
	case len(b) == 0:
		out = append(out, "the body is empty: something has read it before; verify the bytes that came")
	}
	names := make([]string, 0, len(r.Secrets))
	for _, s := range r.Secrets {
		names = append(names, safetext.Line(s.Name))
	}
	out = append(out,
		"compare the secret with the provider's settings: each endpoint and each mode has its own (tried here: "+strings.Join(names[:min(3, len(names))], ", ")+besides(len(r.Others))+")",
		"capture the request as it comes, with hooks listen, and verify the capture: hooks verify last --explain",
		"compare the captured body with the one in the app: hooks verify FILE --signature VALUE --explain does where both have the same signature")
	return out[:3]
}

// unstamped says whether the timestamp is missing that is signed.
func (r Request) unstamped() bool {
	return slices.ContainsFunc(r.schemes(), func(s *scheme.Scheme) bool {
		return s.Verify(r.Message, keysOf(s, r.Secrets), scheme.VerifyOptions{AgeOff: true}).Reason == webhook.TimestampMissing
	})
}

func besides(n int) string {
	switch n {
	case 0:
		return ", and no other is known"
	case 1:
		return ", and the other one that is known"
	}
	return fmt.Sprintf(", and the %d others that are known", n)
}

// sortedNames says whether the names of a larger object are in order, as they
// rarely are by themselves.
func sortedNames(b []byte) bool {
	d := parseJSON(b)
	if d == nil || d.tokens[0].kind != '{' {
		return false
	}
	members, _ := membersOf(d.tokens[1:])
	return len(members) >= 4 && slices.IsSortedFunc(members, func(a, b member) int { return strings.Compare(a.text, b.text) })
}
