package scheme

import (
	"crypto/hmac"
	"fmt"
	"net/http"
	"strings"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// A digest is a compiled Digest.
type digest struct {
	place    location
	values   []*template
	list     bool
	optional bool
}

// A condition is one entry of Spec.When. A literal one, without *, is set in
// what we sign.
type condition struct {
	place   location
	pattern string
	literal bool
}

// A setting is a named template.
type setting struct {
	name  string
	value *template
}

func canonical(name string) string { return http.CanonicalHeaderKey(strings.TrimSpace(name)) }

// holds says whether the conditions of the scheme hold.
func (s *Scheme) holds(r *reading) bool {
	for i := range s.when {
		values := s.when[i].place.all(r)
		if len(values) != 1 || !fits(values[0], s.when[i].pattern) {
			return false
		}
	}
	return true
}

func (s *Scheme) checkDigests(r *reading) webhook.Reason {
	for i := range s.digests {
		d := &s.digests[i]
		values := d.place.all(r)
		switch {
		case len(values) == 0 && d.optional:
			continue
		case len(values) == 0:
			return webhook.SignatureMissing
		case len(values) > 1:
			return webhook.SignatureMalformed
		}
		if bad := d.check(values[0], r); bad != "" {
			return bad
		}
	}
	return ""
}

func (d *digest) check(got string, r *reading) webhook.Reason {
	if d.list {
		return d.checkList(got, r)
	}
	ok := false
	for _, t := range d.values {
		if hmac.Equal([]byte(got), []byte(t.text(r))) {
			ok = true
		}
	}
	if !ok {
		return webhook.SignatureMismatch
	}
	return ""
}

// checkList judges a dictionary: every member that is known has to be right,
// and one of them has to be there.
func (d *digest) checkList(got string, r *reading) webhook.Reason {
	known := 0
	for member := range strings.SplitSeq(got, ",") {
		member = strings.Trim(member, " \t")
		name, _, _ := strings.Cut(member, "=")
		for _, t := range d.values {
			want := t.text(r)
			if !strings.HasPrefix(want, name+"=") {
				continue
			}
			if !hmac.Equal([]byte(member), []byte(want)) {
				return webhook.SignatureMismatch
			}
			known++
		}
	}
	if known == 0 {
		return webhook.SignatureMalformed
	}
	return ""
}

func (s *Scheme) setDigests(r *reading) error {
	for i := range s.digests {
		d := &s.digests[i]
		if err := d.place.set(r.m, d.values[0].text(r)); err != nil {
			return fmt.Errorf("digest: %w", err)
		}
	}
	return nil
}
