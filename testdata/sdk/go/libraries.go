package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"hash"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/PaddleHQ/paddle-go-sdk/v4"
	"github.com/PagerDuty/go-pagerduty/webhookv3"
	"github.com/buildkite/go-buildkite/v4"
	"github.com/bwmarrin/discordgo"
	"github.com/google/go-github/v74/github"
	"github.com/line/line-bot-sdk-go/v8/linebot/webhook"
	"github.com/mailgun/mailgun-go/v4"
	razorpay "github.com/razorpay/razorpay-go/utils"
	"github.com/sendgrid/sendgrid-go/helpers/eventwebhook"
	"github.com/slack-go/slack"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	stripe "github.com/stripe/stripe-go/v84/webhook"
	svix "github.com/svix/svix-webhooks/go"
	twilio "github.com/twilio/twilio-go/client"
)

// A library verifies a request, and signs one: itself where it can, else by
// the recipe in its provider's documentation.
type library struct {
	verify func(*request) error
	sign   func(*request) answer
}

func mac(h func() hash.Hash, key string, content ...string) []byte {
	m := hmac.New(h, []byte(key))
	for _, part := range content {
		m.Write([]byte(part))
	}
	return m.Sum(nil)
}

func hexMAC(key string, content ...string) string {
	return hex.EncodeToString(mac(sha256.New, key, content...))
}

func headers(pairs ...string) answer {
	a := answer{Headers: map[string]string{}}
	for i := 0; i < len(pairs); i += 2 {
		a.Headers[pairs[i]] = pairs[i+1]
	}
	return a
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// publicKey reads one in PEM.
func publicKey(text string) (any, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("not a key in PEM")
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}

func asPEM(key crypto.PublicKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key))}))
}

var libraries = map[string]library{
	"stripe": {
		verify: func(q *request) error {
			_, err := stripe.ConstructEvent(q.Body, q.Headers["stripe-signature"], q.Secret)
			return err
		},
		sign: func(q *request) answer {
			signed := stripe.GenerateTestSignedPayload(&stripe.UnsignedPayload{Payload: q.Body, Secret: q.Secret, Timestamp: q.time()})
			return headers("stripe-signature", signed.Header)
		},
	},
	"github": {
		verify: func(q *request) error {
			body, err := github.ValidatePayload(q.http(), []byte(q.Secret))
			if err != nil {
				return err
			}
			_, err = github.ParseWebHook(q.Headers["x-github-event"], body)
			return err
		},
		sign: func(q *request) answer {
			return headers("x-hub-signature-256", "sha256="+hexMAC(q.Secret, string(q.Body)),
				"x-hub-signature", "sha1="+hex.EncodeToString(mac(sha1.New, q.Secret, string(q.Body))))
		},
	},
	"slack": {
		verify: func(q *request) error {
			v, err := slack.NewSecretsVerifier(q.header(), q.Secret)
			if err != nil {
				return err
			}
			if _, err := v.Write(q.Body); err != nil {
				return err
			}
			return v.Ensure()
		},
		sign: func(q *request) answer {
			return headers("x-slack-request-timestamp", q.seconds(),
				"x-slack-signature", "v0="+hexMAC(q.Secret, "v0:", q.seconds(), ":", string(q.Body)))
		},
	},
	"twilio": {
		verify: func(q *request) error {
			v, signature := twilio.NewRequestValidator(q.Secret), q.Headers["x-twilio-signature"]
			if !strings.HasPrefix(q.Headers["content-type"], "application/x-www-form-urlencoded") {
				return yes(v.ValidateBody(q.URL, q.Body, signature))
			}
			parameters := map[string]string{}
			for name, values := range must(url.ParseQuery(string(q.Body))) {
				parameters[name] = values[0]
			}
			return yes(v.Validate(q.URL, parameters, signature))
		},
		sign: func(q *request) answer {
			parameters, content := must(url.ParseQuery(string(q.Body))), q.URL
			for _, name := range slices.Sorted(maps.Keys(parameters)) {
				content += name + parameters.Get(name)
			}
			return headers("x-twilio-signature", base64.StdEncoding.EncodeToString(mac(sha1.New, q.Secret, content)))
		},
	},
	"svix": {
		verify: func(q *request) error {
			return must(svix.NewWebhook(q.Secret)).Verify(q.Body, q.header())
		},
		sign: func(q *request) answer {
			signature := must(must(svix.NewWebhook(q.Secret)).Sign(q.Headers["svix-id"], q.time(), q.Body))
			return headers("svix-timestamp", q.seconds(), "svix-signature", signature)
		},
	},
	"standard-webhooks": {
		verify: func(q *request) error {
			return must(standardwebhooks.NewWebhook(q.Secret)).Verify(q.Body, q.header())
		},
		sign: func(q *request) answer {
			signature := must(must(standardwebhooks.NewWebhook(q.Secret)).Sign(q.Headers["webhook-id"], q.time(), q.Body))
			return headers("webhook-timestamp", q.seconds(), "webhook-signature", signature)
		},
	},
	"sendgrid": {
		verify: func(q *request) error {
			key, err := publicKey(q.Secret)
			if err != nil {
				return err
			}
			ok, err := eventwebhook.VerifySignature(key.(*ecdsa.PublicKey), q.Body,
				q.Headers["x-twilio-email-event-webhook-signature"], q.Headers["x-twilio-email-event-webhook-timestamp"])
			return errors.Join(err, yes(ok))
		},
		sign: func(q *request) answer {
			key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
			sum := sha256.Sum256([]byte(q.seconds() + string(q.Body)))
			a := headers("x-twilio-email-event-webhook-timestamp", q.seconds(), "x-twilio-email-event-webhook-signature",
				base64.StdEncoding.EncodeToString(must(ecdsa.SignASN1(rand.Reader, key, sum[:]))))
			a.Secret = asPEM(&key.PublicKey)
			return a
		},
	},
	"mailgun": {
		verify: func(q *request) error {
			var payload mailgun.WebhookPayload
			if err := json.Unmarshal(q.Body, &payload); err != nil {
				return err
			}
			mg := mailgun.NewMailgun("example.com", "not-used")
			mg.SetWebhookSigningKey(q.Secret)
			ok, err := mg.VerifyWebhookSignature(payload.Signature)
			if err == nil && ok {
				_, err = mailgun.ParseEvent(payload.EventData)
			}
			return errors.Join(err, yes(ok))
		},
		sign: func(q *request) answer {
			var payload map[string]json.RawMessage
			if err := json.Unmarshal(q.Body, &payload); err != nil {
				panic(err)
			}
			token := strings.ToLower(rand.Text() + rand.Text())
			payload["signature"] = must(json.Marshal(mailgun.Signature{
				TimeStamp: q.seconds(), Token: token, Signature: hexMAC(q.Secret, q.seconds(), token),
			}))
			return answer{Body: must(json.Marshal(payload))}
		},
	},
	"paddle-billing": {
		verify: func(q *request) error {
			v := paddle.NewWebhookVerifier(q.Secret)
			ok, err := v.Verify(q.http())
			return errors.Join(err, yes(ok))
		},
		sign: func(q *request) answer {
			return headers("paddle-signature", "ts="+q.seconds()+";h1="+hexMAC(q.Secret, q.seconds(), ":", string(q.Body)))
		},
	},
	"line": {
		verify: func(q *request) error {
			if !webhook.ValidateSignature(q.Secret, q.Headers["x-line-signature"], q.Body) {
				return errNo
			}
			_, err := webhook.ParseRequest(q.Secret, q.http())
			return err
		},
		sign: func(q *request) answer {
			return headers("x-line-signature", base64.StdEncoding.EncodeToString(mac(sha256.New, q.Secret, string(q.Body))))
		},
	},
	"buildkite": {
		verify: buildkiteVerify,
		sign: func(q *request) answer {
			return headers("x-buildkite-signature",
				"timestamp="+q.seconds()+",signature="+hexMAC(q.Secret, q.seconds(), ".", string(q.Body)))
		},
	},
	"buildkite-token": {
		verify: buildkiteVerify,
		sign:   func(q *request) answer { return headers("x-buildkite-token", q.Secret) },
	},
	"pagerduty": {
		verify: func(q *request) error { return webhookv3.VerifySignature(q.http(), q.Secret) },
		sign: func(q *request) answer {
			return headers("x-pagerduty-signature", "v1="+hexMAC(q.Secret, string(q.Body)))
		},
	},
	"discord": {
		verify: func(q *request) error {
			key, err := publicKey(q.Secret)
			if err != nil {
				return err
			}
			return yes(discordgo.VerifyInteraction(q.http(), key.(ed25519.PublicKey)))
		},
		sign: func(q *request) answer {
			public, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				panic(err)
			}
			signature := ed25519.Sign(private, []byte(q.seconds()+string(q.Body)))
			a := headers("x-signature-timestamp", q.seconds(), "x-signature-ed25519", hex.EncodeToString(signature))
			a.Secret = asPEM(public)
			return a
		},
	},
	"razorpay": {
		verify: func(q *request) error {
			return yes(razorpay.VerifyWebhookSignature(string(q.Body), q.Headers["x-razorpay-signature"], q.Secret))
		},
		sign: func(q *request) answer { return headers("x-razorpay-signature", hexMAC(q.Secret, string(q.Body))) },
	},
}

func buildkiteVerify(q *request) error {
	body, err := buildkite.ValidatePayload(q.http(), []byte(q.Secret))
	if err != nil {
		return err
	}
	_, err = buildkite.ParseWebHook(q.Headers["x-buildkite-event"], body)
	return err
}
