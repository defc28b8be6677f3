package scheme

import "hash"

// NewHash returns the hash that what is signed goes into: an HMAC with the key,
// or a plain hash. It is nil where the algorithm takes no hash: for key pairs,
// tokens and passwords. It is meant for explaining a verdict, where one key is
// used on many contents.
func (k *Key) NewHash() hash.Hash {
	if k.pair != nil {
		return nil
	}
	return k.scheme.newHash(k)
}

// Signed says whether signature, decoded, is one of content by the private half
// of the key. Keys that are no pair have signed nothing.
func (k *Key) Signed(content, signature []byte) bool {
	if k.pair == nil {
		return false
	}
	var sum []byte
	if h := k.scheme.newHash(k); h != nil {
		h.Write(content)
		sum = h.Sum(nil)
	}
	for _, p := range k.pair.Public {
		if k.scheme.alg.pair.Verify(p.Key, content, sum, signature) {
			return true
		}
	}
	return false
}
