package scheme

// Taken returns what the entries take from the request itself, each piece as
// it stands there: what whoever sent the request could choose.
func (t *Texts) Taken(m *Message) []string {
	r := &reading{s: &Scheme{paths: t.paths}, m: m}
	var out []string
	for _, alternatives := range t.list {
		for _, one := range alternatives {
			one.any(func(n *node) bool {
				switch n.kind {
				case nodePlace:
					out = append(out, n.loc.all(r)...)
				case nodeFields:
					out = append(out, r.urlPiece("query"), string(m.Body))
				case nodeBody, nodeMethod, nodeURL:
					bare := *n
					bare.filters = nil
					out = append(out, (&template{[]node{bare}}).text(r))
				}
				return false
			})
		}
	}
	return out
}
