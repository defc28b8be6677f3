package diagnose

import "github.com/hooks-cli/hooks/internal/scheme"

// Expected signs the request as it came with the first secret that can, and
// returns the header and the value that should have come in it. It is the one
// thing here that gives a signature away: whoever holds it can send the request
// as the provider's.
func Expected(r Request) (name, value string, ok bool) {
	for _, s := range r.schemes() {
		names := s.SignatureHeaders()
		if len(names) == 0 {
			continue
		}
		for _, k := range keysOf(s, r.Secrets) {
			m := clone(readable(s, r.Message))
			at := s.Time(m)
			if at.IsZero() {
				at = r.Now
			}
			got, _ := s.Read(m)
			if s.Sign(m, scheme.SignOptions{Keys: []*scheme.Key{k.Key}, At: at, ID: got.ID, KeepStamp: true}) == nil {
				return names[0], m.Header.Get(names[0]), true
			}
		}
	}
	return "", "", false
}
