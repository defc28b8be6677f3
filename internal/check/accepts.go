package check

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// plainShot is a valid sample of the usual event.
func (k *kit) plainShot() (shot, error) { return k.sampleShot(k.typ) }

func (k *kit) sampleShot(typ string, flags ...string) (shot, error) {
	d, err := k.valid(k.order(typ))
	return shot{delivery: d, line: k.sendLine(typ, flags...)}, err
}

// one is the shots of a case that has a single one.
func one(s shot, err error) ([]shot, error) { return []shot{s}, err }

func makePlain(k *kit) ([]shot, error) { return one(k.plainShot()) }

func makeEveryEvent(k *kit) ([]shot, error) {
	var out []shot
	for _, e := range k.provider.Events {
		s, err := k.sampleShot(e.Type)
		if err != nil {
			continue // a sample that cannot be signed is not the app's fault
		}
		s.name = e.Type
		out = append(out, s)
	}
	return out, nil
}

// makeBodies signs bodies that were written by hand.
func (k *kit) makeBodies(list []body) ([]shot, error) {
	var out []shot
	var last error
	for _, b := range list {
		d, err := k.valid(k.around(b.data))
		if err != nil {
			last = err
			continue
		}
		out = append(out, shot{name: b.name, extra: b.extra, delivery: d, line: k.bodyLine(d)})
	}
	if len(out) == 0 {
		return nil, cmp.Or(last, skip("there is no such body"))
	}
	return out, nil
}

// makeFresh makes a request of each body that write makes of a sample, each of
// an event of its own: one that has come before may be answered otherwise.
func (k *kit) makeFresh(write func(d *webhook.Delivery) ([]body, error)) ([]shot, error) {
	var list []body
	for i := 0; i == 0 || i < len(list); i++ {
		d, err := k.sample()
		if err != nil {
			return nil, err
		}
		fresh, err := write(d)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			list = fresh
		} else if len(fresh) == len(list) {
			list[i] = fresh[i]
		}
	}
	return k.makeBodies(list)
}

func makeRawBody(k *kit) ([]shot, error) { return k.makeFresh(rawBodies) }

// makeExtra signs a sample with one more field.
func (k *kit) makeExtra(text string) ([]shot, error) {
	d, err := k.sample()
	if err != nil {
		return nil, err
	}
	data, err := withExtra(d, text)
	if err != nil {
		return nil, err
	}
	shots, err := k.makeBodies([]body{{data: data, extra: true}})
	return shots, err
}

func makeUnicode(k *kit) ([]shot, error) {
	return k.makeExtra("Größe 日本語 \U0001F600 \u2028 ﷽ e\u0301")
}

func makeExtraFields(k *kit) ([]shot, error) {
	shots, err := k.makeExtra("a field that did not exist before")
	for i := range shots {
		shots[i].extra = false // it is what this case is about
	}
	return shots, err
}

// largeBody is how large an event may well be.
const largeBody = 1 << 20

func makeLargeBody(k *kit) ([]shot, error) {
	shots, err := k.makeExtra(strings.Repeat("x", largeBody))
	for i := range shots {
		s := &shots[i]
		if head, tail, ok := bytes.Cut(s.delivery.Body, bytes.Repeat([]byte("x"), largeBody)); ok && len(head)+len(tail) < maxLine {
			feed := fmt.Sprintf(`{ printf '%%s' %s; head -c %d /dev/zero | tr '\0' x; printf '%%s' %s; }`, quoted(head), largeBody, quoted(tail))
			s.line = k.feedLine(feed, s.delivery.EventType)
		}
	}
	return shots, err
}

func quoted(b []byte) string { return "'" + strings.ReplaceAll(string(b), "'", `'\''`) + "'" }

func makeChunked(k *kit) ([]shot, error) {
	s, err := k.sampleShot(k.typ, "--chunked")
	s.manner.Chunked = true
	return one(s, err)
}

// slowBody is how long a slow client takes for its body.
const slowBody = 5 * time.Second

func makeSlow(k *kit) ([]shot, error) {
	s, err := k.sampleShot(k.typ, "--slow 5s", "--timeout 30s")
	s.manner.Slow = slowBody
	return one(s, err)
}

func makeCharset(k *kit) ([]shot, error) {
	d, err := k.sample()
	if err != nil {
		return nil, err
	}
	kind := contentType(d)
	if kind != "application/json" {
		return nil, skip("%s does not send application/json", k.provider.ID)
	}
	kind += "; charset=utf-8"
	o := k.order(k.typ)
	o.Header = o.Header.Clone()
	if o.Header == nil {
		o.Header = http.Header{}
	}
	o.Header.Set("Content-Type", kind)
	d, err = k.valid(o)
	return one(shot{delivery: d, line: k.sendLine(k.typ, "-H 'Content-Type: "+kind+"'")}, err)
}

func makeHeaderCase(k *kit) ([]shot, error) {
	var out []shot
	for _, v := range []struct {
		name, function string
		spell          func(string) string
	}{{"in lower case", "tolower", strings.ToLower}, {"in upper case", "toupper", strings.ToUpper}} {
		draft, err := k.sample()
		if err != nil {
			return nil, err
		}
		d, err := k.sign(k.signer, draft)
		if err != nil {
			return nil, err
		}
		h := http.Header{}
		for name, values := range d.Header {
			h[v.spell(name)] = values
		}
		out = append(out, shot{name: v.name, delivery: d, header: h, line: k.curlLine(draft, respelled(v.function), nil, v.spell)})
	}
	return out, nil
}

func makeUnknownEvent(k *kit) ([]shot, error) {
	d, err := k.sample()
	if err != nil {
		return nil, err
	}
	if d, err = asUnknown(k.provider, d); err != nil {
		return nil, err
	}
	line := k.bodyLine(d)
	if d, err = k.sign(k.signer, d); err != nil {
		return nil, err
	}
	return one(shot{delivery: d, line: line}, nil)
}

func makeDuplicate(k *kit) ([]shot, error) {
	s, err := k.sampleShot(k.typ, "--duplicate 1")
	if err != nil {
		return nil, err
	}
	again := s
	s.name, again.name = "the first time", "the second time"
	return []shot{s, again}, nil
}

// apart is how far apart the events are that come in the wrong order.
const apart = 2 * time.Minute

func makeOutOfOrder(k *kit) ([]shot, error) {
	var out []shot
	for _, v := range []struct {
		name string
		back time.Duration
	}{{"the later one", 0}, {"the earlier one", apart}} {
		o := k.order(k.typ)
		o.At = o.At.Add(-v.back)
		d, err := k.valid(o)
		if err != nil {
			return nil, err
		}
		out = append(out, shot{name: v.name, delivery: d, line: k.sendLine(k.typ) + "; " + k.sendLine(k.typ, "--timestamp 2m")})
	}
	return out, nil
}

func makeRotated(k *kit) ([]shot, error) {
	switch {
	case k.main() == nil:
		return nil, k.signs()
	case !k.main().Several():
		return nil, skip("a request of %s carries one signature", k.provider.ID)
	}
	wrong, err := k.provider.SecretForm().New()
	if err != nil {
		return nil, err
	}
	signer, err := k.newSigner(provider.NamedSecret{Name: "wrong", Secret: wrong})
	if err != nil {
		return nil, err
	}
	d, err := k.sample()
	if err != nil {
		return nil, err
	}
	if d, err = k.sign(signer, d); err != nil {
		return nil, err
	}
	return one(shot{delivery: d}, nil)
}

// burst is how many deliveries come at once.
const burst = 50

func runBurst(ctx context.Context, r *run) finding {
	shots := make([]shot, burst)
	for i := range shots {
		var err error
		if shots[i], err = r.kit.plainShot(); err != nil {
			return notRun(err.Error())
		}
		shots[i].line = r.kit.sendLine(r.kit.typ, "--count "+strconv.Itoa(burst), "--concurrency "+strconv.Itoa(burst))
	}
	answers := make([]answer, burst)
	var wg sync.WaitGroup
	for i := range shots {
		wg.Go(func() { answers[i] = r.sendNow(ctx, &shots[i]) })
	}
	wg.Wait()
	f := r.judged(definition{want: accepted}, shots, answers)
	slowest := slices.MaxFunc(answers, func(a, b answer) int { return cmp.Compare(a.duration, b.duration) })
	if slowest.duration > time.Second { // connections that wait for a server that takes few at a time
		f.actual += ", the slowest after " + took(slowest.duration)
	}
	return f
}

// comfortable is how long an answer may take without needing advice.
const comfortable = 5 * time.Second

func runInTime(ctx context.Context, r *run) finding {
	s, err := r.kit.plainShot()
	if err != nil {
		return notRun(err.Error())
	}
	limit := r.o.Provider.Delivery.Timeout
	if limit == 0 || r.o.Timeout > 0 {
		limit = r.limit
	}
	s.manner.Timeout = limit
	a := r.send(ctx, &s)
	switch {
	case a.status == 0:
		return failed(a.text, s.line)
	case a.duration > comfortable:
		f := failed(fmt.Sprintf("%s after %s", r.words(&a), took(a.duration)), s.line)
		f.level = Advice
		return f
	}
	return passed(fmt.Sprintf("%s after %s", r.words(&a), took(a.duration)), s.line)
}

// An extraField knows whether the app takes events with fields that it does
// not know; it is found out when it matters.
type extraField struct {
	once    sync.Once
	refused bool
}

// refusesExtra says whether the app refuses an event for nothing but a field
// that it does not know.
func (r *run) refusesExtra(ctx context.Context) bool {
	r.extra.once.Do(func() {
		if r.refused {
			return
		}
		shots, err := makeExtraFields(r.kit)
		if err != nil {
			return
		}
		a := r.send(ctx, &shots[0])
		r.extra.refused = a.status != 0 && !accepted(&a)
	})
	return r.extra.refused
}

// fair leaves out requests that failed for a field that the app does not know,
// which is another case's matter.
func (r *run) fair(ctx context.Context, d definition, shots []shot, answers []answer) ([]shot, []answer) {
	var keptShots []shot
	var keptAnswers []answer
	for i := range shots {
		if shots[i].extra && !d.want(&answers[i]) && r.refusesExtra(ctx) {
			continue
		}
		keptShots, keptAnswers = append(keptShots, shots[i]), append(keptAnswers, answers[i])
	}
	return keptShots, keptAnswers
}
