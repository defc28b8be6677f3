package scheme

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// PublicPEM returns the public half of a key pair, each key in PEM. It is "" for
// a key that both sides share, which has no half that may be shown.
func (k *Key) PublicPEM() string {
	var b strings.Builder
	for _, p := range k.public {
		der, err := x509.MarshalPKIXPublicKey(p.key)
		if err != nil {
			continue // a kind of key that is never read
		}
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	return b.String()
}
