package crosscheck

import (
	"fmt"
	"slices"
	"strings"
)

// A library is what a provider publishes for those who receive its webhooks,
// or what its documentation tells them to use.
type library struct {
	provider string
	module   string // of npm, or of Go
	golang   bool
	core     bool   // tried each time
	entry    string // its name in the program that calls it, if not the provider's
	age      age
	makes    bool     // it signs as well; else its provider's recipe is followed, and it accepts that
	now      bool     // it signs as of now only
	unsigned bool     // the provider signs nothing: it only reads
	token    bool     // what stands for a signature covers no body
	address  bool     // the address is signed
	within   bool     // the timestamp is in the body or the token, which --tamper timestamp leaves alone
	spoils   string   // finds the letter to change in the body, if its last text is not signed
	not      []string // events that it cannot judge
	note     string   // whose it is, if not the provider's
}

// age says who refuses what was signed a day ago.
type age int

const (
	unstamped     age = iota // nobody: nothing that is signed says when
	judgedByBoth             // hooks and the library
	judgedByHooks            // only hooks: the library leaves it to its caller
)

func (l library) name() string {
	if l.entry != "" {
		return l.entry
	}
	return l.provider
}

func (l library) String() string {
	language := "npm"
	if l.golang {
		language = "go"
	}
	return language + "-" + l.name()
}

// proof says what was shown, for the table that -v prints.
func (l library) proof(events int) string {
	said := []string{fmt.Sprintf("accepts %d events", events)}
	if l.makes {
		said = append(said, "hooks accepts what it signs")
	} else {
		said = append(said, "hooks accepts what was made by the recipe and it accepts")
	}
	switch {
	case l.token:
		said = append(said, "both refuse another secret")
	case l.age == unstamped:
		said = append(said, "both refuse another body and secret")
	case l.age == judgedByBoth:
		said = append(said, "both refuse another body, secret, timestamp and age")
	case l.age == judgedByHooks:
		said = append(said, "both refuse another body, secret and timestamp; it checks no age")
	}
	if l.address {
		said = append(said, "they refuse another address")
	}
	if l.note != "" {
		said = append(said, l.note)
	}
	return strings.Join(said, "; ")
}

// libraries are all that are tried, the core first.
func libraries() []library {
	return slices.Concat(coreLibraries(), nodeLibraries(), goLibraries())
}

func coreLibraries() []library {
	return []library{
		{provider: "stripe", module: "stripe", core: true, age: judgedByBoth, makes: true},
		{provider: "github", module: "@octokit/webhooks-methods", core: true, makes: true},
		{provider: "shopify", module: "@shopify/shopify-api", core: true},
		{provider: "slack", module: "@slack/bolt", core: true, age: judgedByBoth},
		{provider: "twilio", module: "twilio", address: true, core: true, makes: true},
		{provider: "standard-webhooks", module: "standardwebhooks", core: true, age: judgedByBoth, makes: true},
		{provider: "svix", module: "svix", core: true, age: judgedByBoth, makes: true},
		{provider: "paddle-billing", module: "@paddle/paddle-node-sdk", core: true, age: judgedByBoth},
		{provider: "razorpay", module: "razorpay", core: true},
		{provider: "openai", module: "openai", core: true, age: judgedByBoth},
		{provider: "discord", module: "discord-interactions", core: true, age: judgedByHooks},
	}
}

func nodeLibraries() []library {
	return []library{
		{provider: "adyen", module: "@adyen/api-library", makes: true},
		{provider: "adyen-platform", module: "@adyen/api-library", makes: true},
		{provider: "box", module: "box-node-sdk", age: judgedByBoth, makes: true},
		{provider: "brex", module: "standardwebhooks", age: judgedByBoth, makes: true},
		{provider: "cashfree", module: "cashfree-pg", age: judgedByHooks},
		{provider: "clerk", module: "@clerk/backend", age: judgedByBoth},
		{provider: "cloudinary", module: "cloudinary", age: judgedByBoth, makes: true},
		{provider: "cloudevents", module: "cloudevents", unsigned: true},
		{provider: "coinbase-commerce", module: "coinbase-commerce-node", makes: true},
		{provider: "contentful", module: "@contentful/node-apps-toolkit", address: true, age: judgedByBoth, makes: true, within: true},
		{provider: "elevenlabs", module: "@elevenlabs/elevenlabs-js", age: judgedByBoth},
		{provider: "github", entry: "github-app", module: "@octokit/webhooks", makes: true},
		{provider: "gitlab-signed", module: "standardwebhooks", age: judgedByBoth, makes: true},
		{provider: "gocardless", module: "gocardless-nodejs"},
		{provider: "hookdeck", module: "@hookdeck/sdk"},
		{provider: "hubspot-v1", module: "@hubspot/api-client", makes: true},
		{provider: "hubspot-v2", module: "@hubspot/api-client", address: true, makes: true},
		{provider: "hubspot-v3", module: "@hubspot/api-client", address: true, age: judgedByBoth, makes: true},
		{provider: "hygraph", module: "@hygraph/utils", age: judgedByHooks, makes: true, now: true},
		{provider: "jira-connect", module: "atlassian-jwt", address: true, age: judgedByHooks, makes: true, token: true, within: true},
		{provider: "line", module: "@line/bot-sdk"},
		{provider: "linear", module: "@linear/sdk", age: judgedByBoth},
		{provider: "lithic", module: "lithic", age: judgedByBoth},
		{provider: "modern-treasury", module: "modern-treasury", makes: true},
		{provider: "monday", module: "jsonwebtoken", age: judgedByBoth, token: true, within: true, note: "the library of the documentation's example"},
		{provider: "mux", module: "@mux/mux-node", age: judgedByBoth, makes: true},
		{provider: "notion", module: "@notionhq/client", makes: true},
		{provider: "orb", module: "orb-billing", age: judgedByBoth, makes: true},
		{provider: "plaid", module: "jose", age: judgedByBoth, within: true, note: "the library of the documentation's example"},
		{provider: "plivo", module: "plivo", address: true},
		{provider: "polar", module: "@polar-sh/sdk", age: judgedByBoth},
		{provider: "pusher", module: "pusher", makes: true},
		{provider: "replicate", module: "replicate", age: judgedByHooks},
		{provider: "resend", module: "resend", age: judgedByBoth},
		{provider: "retell", module: "retell-sdk", age: judgedByBoth, makes: true, now: true},
		{provider: "rfc9421", module: "http-message-signatures", address: true, age: judgedByBoth, makes: true, note: "of the community"},
		{provider: "sanity", module: "@sanity/webhook", age: judgedByHooks, makes: true},
		{provider: "sendgrid", module: "@sendgrid/eventwebhook", age: judgedByHooks},
		{provider: "shopify", entry: "shopify-events", module: "@shopify/shopify-api"},
		{provider: "smartcar", module: "smartcar", makes: true},
		{
			// It leaves the token of the last one out, which the documentation
			// and the library for PHP sign.
			provider: "sns", module: "sns-validator", age: judgedByHooks, within: true,
			spoils: `"Message"\s*:\s*"(.)`, not: []string{"UnsubscribeConfirmation"},
		},
		{provider: "square", module: "square", address: true},
		{provider: "supabase-auth-hooks", module: "standardwebhooks", age: judgedByBoth, makes: true},
		{provider: "telegram", module: "grammy", token: true, note: "of the community"},
		{provider: "telnyx", module: "telnyx", age: judgedByBoth},
		{provider: "twitch", module: "@twurple/eventsub-http", age: judgedByHooks, note: "of the community"},
		{provider: "webflow", module: "webflow-api", age: judgedByHooks},
		{provider: "workos", module: "@workos-inc/node", age: judgedByBoth, makes: true},
		{provider: "worldline", module: "onlinepayments-sdk-nodejs"},
		{provider: "zoom", module: "@zoom/rivet", age: judgedByHooks},
	}
}

func goLibraries() []library {
	all := []library{
		{provider: "buildkite", module: "github.com/buildkite/go-buildkite/v4", age: judgedByHooks},
		{provider: "buildkite-token", module: "github.com/buildkite/go-buildkite/v4", token: true},
		{provider: "discord", module: "github.com/bwmarrin/discordgo", age: judgedByHooks, note: "of the community"},
		{provider: "github", module: "github.com/google/go-github/v74"},
		{provider: "line", module: "github.com/line/line-bot-sdk-go/v8"},
		{provider: "mailgun", module: "github.com/mailgun/mailgun-go/v4", age: judgedByHooks, within: true, spoils: `"token":\s*"(.)`},
		{provider: "paddle-billing", module: "github.com/PaddleHQ/paddle-go-sdk/v4", age: judgedByHooks},
		{provider: "pagerduty", module: "github.com/PagerDuty/go-pagerduty"},
		{provider: "razorpay", module: "github.com/razorpay/razorpay-go"},
		{provider: "sendgrid", module: "github.com/sendgrid/sendgrid-go", age: judgedByHooks},
		{provider: "slack", module: "github.com/slack-go/slack", age: judgedByBoth, note: "of the community"},
		{provider: "standard-webhooks", module: "github.com/standard-webhooks/standard-webhooks/libraries", age: judgedByBoth, makes: true},
		{provider: "stripe", module: "github.com/stripe/stripe-go/v84", age: judgedByBoth, makes: true},
		{provider: "svix", module: "github.com/svix/svix-webhooks", age: judgedByBoth, makes: true},
		{provider: "twilio", module: "github.com/twilio/twilio-go", address: true},
	}
	for i := range all {
		all[i].golang = true
	}
	return all
}
