package provider_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
	"github.com/hooks-cli/hooks/internal/scheme/vectortest"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// TestVectors judges every vector, signs those again that can be, and writes
// each back as its file has it.
func TestVectors(t *testing.T) {
	t.Parallel()
	builtIn := load(t)
	for _, folder := range vectortest.Load(t, "../../testdata/vectors") {
		p := definitionOf(t, builtIn, folder)
		for _, v := range folder.Vectors {
			t.Run(folder.Name+"/"+v.Name, func(t *testing.T) {
				t.Parallel()
				checkVector(t, p, v)
			})
		}
	}
}

func definitionOf(t *testing.T, builtIn *provider.Catalogue, folder vectortest.Folder) *provider.Provider {
	t.Helper()
	c := builtIn
	if folder.Definition != nil {
		c = load(t, provider.Source{Name: folder.Name, Data: folder.Definition})
	}
	p, err := c.Get(folder.Name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func checkVector(t *testing.T, p *provider.Provider, v *vectortest.Vector) {
	t.Helper()
	if !bytes.Equal(v.Bytes(), v.Raw()) {
		t.Error("it is not written as its file has it")
	}
	got := p.Verifier(provider.NamedSecret{Name: "vector", Secret: v.Secret}).Verify(&v.Message, scheme.VerifyOptions{Now: v.At})
	word := string(got.Reason)
	if got.Status == webhook.Verified {
		word = "verified"
	}
	if word != v.Expect {
		t.Errorf("Verify = %+v, want %s", got, v.Expect)
	}
	if !v.Reproduces {
		return
	}
	keys, err := p.Keys(v.Secret)
	if err != nil {
		t.Fatal(err)
	}
	m := v.Clone()
	for _, s := range p.Schemes() {
		for _, name := range s.SignatureHeaders() {
			m.Header.Del(name)
		}
	}
	err = p.Sign(m, scheme.SignOptions{Keys: keys, At: v.At})
	if errors.Is(err, scheme.ErrPublicKey) {
		t.Fatal("a vector with a public key cannot be reproduced")
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range v.Message.Header {
		if got := m.Header[name]; len(got) != 1 || got[0] != want[0] {
			t.Errorf("signed again, %s is %q, want %q", name, got, want)
		}
	}
}
