package scheme

// PublicPEM returns the public half of a key pair, each key in PEM. It is "" for
// a key that both sides share, which has no half that may be shown.
func (k *Key) PublicPEM() string {
	if k.pair == nil {
		return ""
	}
	return k.pair.PublicPEM()
}
