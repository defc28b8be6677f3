package scheme_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"testing"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// A family is a way of signing that real providers use, with a body that fits
// it.
type family struct {
	name   string
	spec   scheme.Spec
	body   string
	secret func() string
	url    string
	// covers says that the signature covers every byte of the body.
	covers bool
}

func text(s string) func() string { return func() string { return s } }

var pairs = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	add := func(name string, key any, err error) {
		if err != nil {
			panic(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			panic(err)
		}
		out[name] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	add("ed25519", ed, err)
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		add(curve.Params().Name, key, err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	add("rsa", r, err)
	return out
})

func pair(name string) func() string { return func() string { return pairs()[name] } }

func in(place, format string) scheme.Signature {
	return scheme.Signature{In: []string{place}, Format: format}
}

func withEncoding(s scheme.Signature, encoding string) scheme.Signature {
	s.Encoding = encoding
	return s
}

func list(place, format, separator string) scheme.Signature {
	s := in(place, format)
	s.Separator = separator
	return s
}

const plainBody = `{"id":"evt_1","type":"a.b","data":{"n":1}}`

// families is one of each kind that the form can hold.
func families() []family {
	std := []string{"{id}.{timestamp}.{body}"}
	return []family{
		{name: "hex-prefix", spec: scheme.Spec{Algorithm: "hmac-sha256", Signature: in("header:X-Hub-Signature-256", "sha256={signature}")}, covers: true},
		{name: "sha1-base64", spec: scheme.Spec{Algorithm: "hmac-sha1", Signature: withEncoding(in("header:X-Mms", ""), "base64")}, covers: true},
		{name: "sha512-upper", spec: scheme.Spec{Algorithm: "hmac-sha512", Signature: withEncoding(in("header:X-Anet-Signature", "sha512={signature}"), "hex-upper"), Secret: scheme.Secret{Encoding: "hex"}}, secret: text("00ff10a1"), covers: true},
		{name: "sha384", spec: scheme.Spec{Algorithm: "hmac-sha384", Signature: withEncoding(in("header:X-S", ""), "base64url-raw")}, covers: true},
		{name: "stripe", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{timestamp}.{body}"}, Signature: list("header:Stripe-Signature", "t={timestamp},v1={signature}", ",")}, covers: true},
		{name: "standard-webhooks", spec: scheme.Spec{
			Algorithm: "hmac-sha256", Content: std, ID: "header:webhook-id",
			Signature: withEncoding(list("header:webhook-signature", "v1,{signature}", " "), "base64"),
			Timestamp: scheme.Timestamp{In: "header:webhook-timestamp"},
			Secret:    scheme.Secret{Encoding: "base64", Prefix: []string{"whsec_"}},
		}, secret: text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), covers: true},
		{name: "standard-webhooks-v1a", spec: scheme.Spec{
			Algorithm: "ed25519", Content: std, ID: "header:webhook-id",
			Signature: withEncoding(list("header:webhook-signature", "v1a,{signature}", " "), "base64"),
			Timestamp: scheme.Timestamp{In: "header:webhook-timestamp"},
		}, secret: pair("ed25519"), covers: true},
		{name: "slack", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"v0:{timestamp}:{body}"}, Signature: in("header:X-Slack-Signature", "v0={signature}"), Timestamp: scheme.Timestamp{In: "header:X-Slack-Request-Timestamp"}}, covers: true},
		{name: "persona-sets", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{timestamp}.{body}"}, Signature: scheme.Signature{In: []string{"header:Persona-Signature"}, Format: "t={timestamp},v1={signature}", Separator: ",", Sets: " "}}, covers: true},
		{name: "recurly-positions", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{timestamp}.{body}"}, Signature: list("header:recurly-signature", "{timestamp},{signature}", ","), Timestamp: scheme.Timestamp{Unit: scheme.Known("ms")}}, covers: true},
		{name: "box-two-headers", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{body}{timestamp}"}, Signature: withEncoding(scheme.Signature{In: []string{"header:Box-Signature-Primary", "header:Box-Signature-Secondary"}}, "base64"), Timestamp: scheme.Timestamp{In: "header:Box-Delivery-Timestamp", Unit: scheme.Known("rfc3339")}}, covers: true},
		{name: "url-and-sorted-form", spec: scheme.Spec{Algorithm: "hmac-sha1", Content: []string{"{url}{form|sort|unique|join}"}, Signature: withEncoding(in("header:X-Twilio-Signature", ""), "base64")}, body: "To=%2B1&Body=a+b&From=x", url: "https://example.com/hook?a=1"},
		{name: "method-url-body", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{method}{url}{body}{timestamp}"}, Signature: withEncoding(in("header:X-HubSpot-Signature-v3", ""), "base64"), Timestamp: scheme.Timestamp{In: "header:X-HubSpot-Request-Timestamp", Unit: scheme.Known("ms")}}, covers: true},
		{name: "plain-hash", spec: scheme.Spec{Algorithm: "sha256", Content: []string{"{secret}{body}"}, Signature: in("header:X-HubSpot-Signature", "")}, covers: true},
		{name: "signature-in-body", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{$.signature.timestamp}{$.signature.token}"}, Signature: in("$.signature.signature", ""), Timestamp: scheme.Timestamp{In: "$.signature.timestamp"}}, body: `{"signature":{"timestamp":"1","token":"abc"}}`},
		{name: "items", spec: scheme.Spec{Algorithm: "hmac-sha256", Each: "$.items[*]", Content: []string{"{@.id}:{@.value}"}, Signature: withEncoding(in("@.extra.hmac", ""), "base64"), Secret: scheme.Secret{Encoding: "hex"}}, body: `{"items":[{"id":"1","value":2,"extra":{}},{"id":"2","value":3,"extra":{}}]}`, secret: text("0102")},
		{name: "sorted-json", spec: scheme.Spec{Algorithm: "hmac-sha512", Content: []string{"{json|canonical}"}, Signature: in("header:X-Nowpayments-Sig", "")}},
		{name: "double-hash", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{body|sha256|hex}"}, Signature: in("header:X-Signature", "")}, covers: true},
		{name: "derived-key", spec: scheme.Spec{Algorithm: "hmac-sha1", Signature: in("query:sig", ""), Secret: scheme.Secret{Key: "{secret|sha1}"}}, covers: true},
		{name: "body-hash-header", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{timestamp}.{header:Content-Digest}"}, Signature: in("header:X-Sig", ""), Timestamp: scheme.Timestamp{In: "header:X-Time"}, Digests: []scheme.Digest{{In: "header:Content-Digest", Value: []string{"sha-256=:{body|sha256|base64}:"}, List: true}}}, covers: true},
		{name: "signed-headers", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{timestamp}.{part:h}.{signed-headers}.{body}"}, Signature: list("header:X-Hook0-Signature", "t={timestamp},h={part:h},v1={signature}", ","), SignedHeaders: &scheme.SignedHeaders{Names: "part:h", Separator: " ", Send: []string{"content-type", "host"}, Join: "."}}, covers: true},
		{name: "json-around", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{`{{"Body":{body|json},"EnvironmentName":{part:env|json},"TimeStamp":{timestamp}}}`}, Signature: scheme.Signature{In: []string{"header:gcms-signature"}, Format: "sign={signature}, env={part:env}, t={timestamp}", Separator: ", ", Encoding: "base64", Parts: map[string]string{"env": "master"}}, Timestamp: scheme.Timestamp{Unit: scheme.Known("ms")}}, covers: true},
		{name: "sorted-list", spec: scheme.Spec{Algorithm: "sha1", Content: []string{"{secret}", "{query:nonce}", "{timestamp}"}, Sort: true, Signature: in("query:signature", ""), Timestamp: scheme.Timestamp{In: "query:timestamp"}}, url: "https://example.com/?nonce=n"},
		{name: "token", spec: scheme.Spec{Algorithm: "token", Signature: in("header:X-Gitlab-Token", "")}},
		{name: "bearer", spec: scheme.Spec{Algorithm: "token", Signature: in("header:Authorization", "Bearer {signature}")}},
		{name: "basic", spec: scheme.Spec{Algorithm: "basic", Signature: in("header:Authorization", "")}, secret: text("user:pass")},
		{name: "ed25519", spec: scheme.Spec{Algorithm: "ed25519", Content: []string{"{timestamp}{body}"}, Signature: withEncoding(in("header:X-Signature-Ed25519", ""), "hex"), Timestamp: scheme.Timestamp{In: "header:X-Signature-Timestamp"}}, secret: pair("ed25519"), covers: true},
		{name: "ecdsa-p256", spec: scheme.Spec{Algorithm: "ecdsa-p256-sha256", Signature: in("header:X-Circle-Signature", "")}, secret: pair("P-256"), covers: true},
		{name: "ecdsa-p384-raw", spec: scheme.Spec{Algorithm: "ecdsa-p384-sha384-raw", Signature: in("header:X-S", "")}, secret: pair("P-384"), covers: true},
		{name: "ecdsa-p521", spec: scheme.Spec{Algorithm: "ecdsa-p521-sha512", Signature: in("header:X-S", "")}, secret: pair("P-521"), covers: true},
		{name: "rsa-sha1-php", spec: scheme.Spec{Algorithm: "rsa-sha1", Content: []string{"{form|sort|php}"}, Signature: in("form:p_signature", "")}, body: "b=2&a=1", secret: pair("rsa")},
		{name: "rsa-crc", spec: scheme.Spec{Algorithm: "rsa-sha256", Content: []string{"{header:Paypal-Transmission-Id}|{timestamp}|{param:webhook_id}|{body|crc32}"}, Signature: in("header:Paypal-Transmission-Sig", ""), ID: "header:Paypal-Transmission-Id", Timestamp: scheme.Timestamp{In: "header:Paypal-Transmission-Time", Unit: scheme.Known("rfc3339")}, Secret: scheme.Secret{Fields: []string{"webhook_id"}}}, secret: func() string { return "webhook_id=WH-1\n" + pairs()["rsa"] }, covers: true},
		{name: "rsa-pss", spec: scheme.Spec{Algorithm: "rsa-pss-sha512", Signature: in("header:X-S", "")}, secret: pair("rsa"), covers: true},
		{name: "jwt-hs256-claims", spec: scheme.Spec{Algorithm: "jwt-hs256", Signature: in("header:Authorization", "JWT {signature}"), Timestamp: scheme.Timestamp{In: "jwt:iat"}, JWT: &scheme.JWT{Expires: 180e9, Claims: []scheme.Claim{{Name: "iss", Value: "hooks"}, {Name: "qsh", Value: "{({method}&{path}&{query|sort|encode|join:=:&})|sha256|hex}", Check: true}}}}, url: "https://example.com/a?b=1"},
		{name: "jwt-es256-body-hash", spec: scheme.Spec{Algorithm: "jwt-es256", Signature: in("header:Plaid-Verification", ""), Timestamp: scheme.Timestamp{In: "jwt:iat"}, JWT: &scheme.JWT{Claims: []scheme.Claim{{Name: "request_body_sha256", Value: "{body|sha256|hex}", Check: true}}}}, secret: pair("P-256"), covers: true},
		{name: "jwt-rs256", spec: scheme.Spec{Algorithm: "jwt-rs256", Signature: in("header:Authorization", "Bearer {signature}"), Timestamp: scheme.Timestamp{In: "jwt:iat"}}, secret: pair("rsa")},
		{name: "jws-detached", spec: scheme.Spec{Algorithm: "jwt-ps256", Signature: in("header:X-Jws-Signature", ""), JWT: &scheme.JWT{Detached: true}}, secret: pair("rsa"), covers: true},
		{name: "jws-unencoded", spec: scheme.Spec{Algorithm: "jwt-eddsa", Signature: in("header:Saleor-Signature", ""), JWT: &scheme.JWT{Detached: true, Unencoded: true}}, secret: pair("ed25519"), covers: true},
		{name: "wrapped", spec: scheme.Spec{Algorithm: "ecdsa-p256-sha1", Signature: scheme.Signature{In: []string{"header:X-Ebay-Signature"}, Format: `{{"alg":"ecdsa","kid":"{part:kid}","signature":"{signature}","digest":"SHA1"}}`, Separator: ",", Wrap: "base64", Parts: map[string]string{"kid": "k1"}}}, secret: pair("P-256"), covers: true},
		{name: "token-around-body", spec: scheme.Spec{Algorithm: "jwt-es256", Signature: in("$.signedPayload", ""), JWT: &scheme.JWT{Wrap: true}}, secret: pair("P-256")},
		{name: "numbered-headers", spec: scheme.Spec{Algorithm: "hmac-sha256", Signature: withEncoding(in("header:X-DocuSign-Signature-{n}", ""), "base64")}, covers: true},
		{name: "contentful", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{method}", "{path-query|encode-uri}", "{signed-headers}", "{body}"}, Join: "\n", Signature: in("header:x-contentful-signature", ""), Timestamp: scheme.Timestamp{In: "header:x-contentful-timestamp", Unit: scheme.Known("ms")}, SignedHeaders: &scheme.SignedHeaders{Names: "header:x-contentful-signed-headers", Send: []string{"x-contentful-signed-headers", "x-contentful-timestamp"}, Format: "{name}:{value}", Join: ";"}}, covers: true},
		{name: "plivo", spec: scheme.Spec{Algorithm: "hmac-sha256", Content: []string{"{url-base}{if:query,form}?{end}{query|sort|join:=:&}{if:query}{if:form}.{end}{end}{form|sort|join}.{header:X-Plivo-Signature-V3-Nonce}"}, Signature: withEncoding(list("header:X-Plivo-Signature-V3", "{signature}", ","), "base64"), Headers: map[string]string{"X-Plivo-Signature-V3-Nonce": "{nonce}"}}, body: "From=1&To=2"},
		{name: "sns", spec: scheme.Spec{Algorithm: "rsa-sha256", When: map[string]string{"$.SignatureVersion": "2"}, Content: []string{`{json|only:Message,MessageId,Subject,Timestamp,TopicArn,Type|join:\n:\n}{lf}`}, Signature: in("$.Signature", ""), Timestamp: scheme.Timestamp{In: "$.Timestamp", Unit: scheme.Known("rfc3339ms")}}, body: `{"Type":"Notification","MessageId":"m","TopicArn":"arn","Message":"hello"}`, secret: pair("rsa")},
		{name: "token-in-items", spec: scheme.Spec{Algorithm: "token", Each: "$.value[*]", Signature: in("@.clientState", "")}, body: `{"value":[{"id":"1"},{"id":"2"}]}`},
		{name: "hash-in-body", spec: scheme.Spec{Algorithm: "sha512", Content: []string{"{$.order_id}{$.status_code}{secret}"}, Signature: in("$.signature_key", "")}, body: `{"order_id":"o-1","status_code":"200"}`},
		{name: "hash-in-query", spec: scheme.Spec{Algorithm: "hmac-sha1", Content: []string{"{url}"}, Signature: withEncoding(in("header:X-Twilio-Signature", ""), "base64"), Digests: []scheme.Digest{{In: "query:bodySHA256", Value: []string{"{body|sha256|hex}"}}}}, covers: true},
		{name: "nonce-claim", spec: scheme.Spec{Algorithm: "jwt-hs512", Signature: in("query:jwt", ""), JWT: &scheme.JWT{Header: map[string]string{"kid": "k"}, Claims: []scheme.Claim{{Name: "jti", Value: "{nonce}"}, {Name: "n", Value: "[1]", JSON: true}, {Name: "iat", Value: "{timestamp}"}}}}},
		{name: "rfc9421-hmac", spec: scheme.Spec{Algorithm: "hmac-sha256", Message: &scheme.MessageSig{Components: []string{"@method", "@target-uri", "content-digest"}, Alg: true, Nonce: true}, Digests: []scheme.Digest{{In: "header:Content-Digest", Value: []string{"sha-256=:{body|sha256|base64}:", "sha-512=:{body|sha512|base64}:"}, List: true}}}, covers: true},
		{name: "rfc9421-ed25519", spec: scheme.Spec{Algorithm: "ed25519", Message: &scheme.MessageSig{Components: []string{"@authority", "@path", "@query", "content-digest"}, Tag: "webhook", Expires: 300e9}, Digests: []scheme.Digest{{In: "header:Content-Digest", Value: []string{"sha-512=:{body|sha512|base64}:"}, List: true}}}, secret: pair("ed25519"), covers: true},
	}
}

// build compiles a family and prepares its key.
func (f family) build(tb testing.TB) (*scheme.Scheme, *scheme.Key) {
	tb.Helper()
	s, err := scheme.Compile(f.spec)
	if err != nil {
		tb.Fatalf("%s: %v", f.name, err)
	}
	secret := "a secret"
	if f.secret != nil {
		secret = f.secret()
	}
	key, err := s.Key(safetext.NewSecret(secret))
	if err != nil {
		tb.Fatalf("%s: %v", f.name, err)
	}
	return s, key
}

// message returns an unsigned request that fits the family.
func (f family) message(body string) *scheme.Message {
	m := &scheme.Message{Method: "POST", URL: "https://example.com/webhooks/x?a=1&b=2", Body: []byte(body)}
	m.Header = map[string][]string{"Content-Type": {"application/json"}}
	if f.url != "" {
		m.URL = f.url
	}
	if body == "" && f.body != "" {
		m.Body = []byte(f.body)
	}
	return m
}
