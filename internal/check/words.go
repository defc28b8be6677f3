package check

import (
	"strings"

	"github.com/hooks-cli/hooks/internal/diagnose"
)

// whyOf says what a failed case means in production.
func whyOf(id string) string {
	const forge = "anyone who knows the address can send events that the app takes for genuine: a payment that never happened, a deletion that nobody asked for"
	const outage = "one such request answers with a failure or stops the app, and the sender repeats it for hours"
	switch id {
	case acceptsValid:
		return "the app refuses genuine deliveries; after its last retry the provider gives up and the event is lost"
	case "accepts-every-event":
		return "the provider counts the refusals: it retries for hours, then disables the endpoint, and with it the events that the app does want"
	case "accepts-raw-body":
		return "the app compares the signature with a body that it has written anew, so genuine deliveries are refused as soon as the provider spells one otherwise"
	case "accepts-unicode":
		return "events with names or texts in other languages are refused and lost"
	case "accepts-chunked":
		return "a proxy or sender that does not announce the length loses every delivery"
	case "accepts-charset":
		return "a sender or proxy that adds the charset to the content type loses every delivery"
	case "accepts-header-case":
		return "HTTP/2 and many proxies send header names in lower case: behind them every delivery is refused"
	case "accepts-extra-fields":
		return "providers add fields without notice; on that day every delivery is refused"
	case "accepts-unknown-event":
		return "providers add event types; refusals make them retry and at last disable the endpoint"
	case "accepts-duplicate":
		return "providers deliver again when an answer is lost; a refusal makes them go on, and the endpoint counts as failing"
	case "accepts-out-of-order":
		return "retries overtake each other, so events come in any order; those that are refused are lost"
	case "accepts-rotated-secret":
		return "while a secret is rotated deliveries carry two signatures: the app refuses all of them until the old one is gone"
	case "accepts-large-body":
		return "a large event is answered with a failure and repeated in vain"
	case "rejects-unsigned", "rejects-empty-signature":
		return forge
	case "rejects-wrong-secret":
		return "the app does not check who signed: " + forge
	case "rejects-tampered-body":
		return "whoever sees one delivery, in a log or on the way, can change amounts and names in it and send it again"
	case "rejects-truncated-signature":
		return "a part of the signature is enough, so that a forger has to guess far less"
	case "rejects-malformed-signature":
		return "a stranger who sends garbage in one header gets a failure out of the app, or in"
	case "rejects-wrong-algorithm":
		return "the sender chooses how he is checked: a hash without a key can be computed by anyone"
	case "rejects-tampered-timestamp":
		return "the timestamp is not covered by what the app verifies: an old delivery can be given a fresh time and replayed for ever"
	case staleTimestamp:
		return "whoever has seen one delivery can replay it for ever: the payment is booked again, the message sent again"
	case "rejects-future-timestamp":
		return "a delivery that was dated ahead stays valid until its time comes, and can be replayed until then"
	case "rejects-swapped-event":
		return "one genuine signature opens the door for any event"
	}
	return whyEnduring(id, outage)
}

// whyFailing is whyOf where nothing was let in that should have stayed out:
// the app failed at the request, or went down.
func whyFailing(id string) string {
	if !strings.HasPrefix(id, "rejects-") {
		return whyOf(id)
	}
	return "it is not let in, but the app fails at it instead of refusing it: anyone who knows the address can bring that about, as often as he likes, and a sender takes a failure for a reason to try again for hours"
}

func whyEnduring(id, outage string) string {
	switch id {
	case "survives-malformed-json", "survives-wrong-shape", "survives-empty-body", "survives-invalid-utf8":
		return outage
	case "survives-deep-json":
		return "20 KB of brackets exhaust the parser's stack: " + outage
	case "survives-wrong-method":
		return "crawlers and health checks call the address with GET; a 2xx tells them that it worked, a 5xx raises an alarm"
	case "survives-slow-client":
		return "a slow network between provider and app loses deliveries"
	case "answers-in-time":
		return "the provider hangs up, counts a failure and delivers again what the app has already begun to do"
	case "answers-burst":
		return "providers send in bursts, after a bulk change or an outage of their own; what is refused is delayed or lost"
	case "answers-without-redirect":
		return "providers do not follow redirects: every delivery counts as failed"
	case hidesSecret:
		return "whoever sends one wrong request learns what signs the next one: the check is open to everybody"
	case "replays-once":
		return "every provider delivers some events twice: what is not made idempotent is booked, sent or shipped twice"
	case "tls-valid":
		return "providers check certificates: from the day that it is not valid every delivery fails"
	case aliveAtEnd:
		return "one of the requests above took the app down; in production every delivery after it is lost"
	}
	return ""
}

// fixFor says what to change, in the words of the app's framework if it is
// known. Where that takes a line of code the fix ends with it.
func (k *kit) fixFor(id string, down bool, framework string) (fix, code string) {
	fix = plainFix(id)
	if down {
		fix = "catch what the handler throws, asynchronous code included, and answer 4xx; " + fix
	}
	if code = k.codeFor(id, framework); code != "" {
		fix += "; " + framework + ": " + code
	}
	return fix, code
}

func plainFix(id string) string {
	const raw = "verify the raw bytes of the body before any parser touches them"
	const guard = "after the signature is verified, parse inside a guard and answer 400 (or 2xx) to what is no event"
	switch id {
	case acceptsValid:
		return "make the app's secret and the path of its handler those of this command; hooks verify last --explain and hooks listen show what a delivery holds"
	case "accepts-every-event", "accepts-unknown-event":
		return "answer 2xx to verified events that the app has no use for, and ignore them"
	case "accepts-raw-body", "accepts-unicode":
		return raw
	case "accepts-chunked":
		return "read the body to its end, and not by Content-Length"
	case "accepts-charset":
		return "compare the content type without its parameters, or do not look at it"
	case "accepts-header-case":
		return "look headers up by the function of the framework, which disregards case"
	case "accepts-extra-fields":
		return "read the fields that you need and ignore the rest; no closed schema for what others define"
	case "accepts-duplicate":
		return "keep the ids of handled events; answer 2xx to one that is known, and do nothing"
	case "accepts-out-of-order":
		return "take what comes; where order matters, compare the event's own time with what is stored, or fetch the current state, and answer 2xx"
	case "accepts-rotated-secret":
		return "take the header apart and accept the request if any of its signatures is right"
	case "accepts-large-body":
		return "raise the limit for bodies to what the provider sends, or answer 413"
	}
	if fix := rejectFix(id); fix != "" {
		return fix
	}
	if strings.HasPrefix(id, "survives-") && id != "survives-wrong-method" && id != "survives-slow-client" {
		return guard
	}
	return endureFix(id)
}

func rejectFix(id string) string {
	switch id {
	case "rejects-unsigned", "rejects-empty-signature":
		return "answer 401 where the signature header is missing or empty, before anything else is done with the request"
	case "rejects-wrong-secret", "rejects-tampered-body", "rejects-swapped-event":
		return "compute the signature of the raw body of each request with the app's secret, compare it with the header in constant time, and answer 401 where they differ"
	case "rejects-truncated-signature":
		return "compare the whole signature: equal length first, then in constant time; no prefix match"
	case "rejects-malformed-signature":
		return "treat a header that cannot be decoded as a wrong signature (401); compare lengths before comparing in constant time"
	case "rejects-wrong-algorithm":
		return "fix the algorithm in the code to the one that the provider documents; take no name of one from the request"
	case "rejects-tampered-timestamp":
		return "put the timestamp of the request into what is signed, exactly as it came"
	case staleTimestamp, "rejects-future-timestamp":
		return "compare the signed timestamp with the clock and answer 401 where they differ by more than the tolerance, in both directions"
	}
	return ""
}

func endureFix(id string) string {
	switch id {
	case "survives-wrong-method":
		return "register the handler for the provider's method only and answer 405 to others"
	case "survives-slow-client":
		return "give the server's time-out for reading a request at least 10 s"
	case "answers-in-time":
		return "answer 2xx as soon as the event is verified and stored; do the work afterwards, in a queue"
	case "answers-burst":
		return "verify, store, answer; take the work, and locks on a database, out of the request"
	case "answers-without-redirect":
		return "give the provider the address that the redirect points to: https, with or without the final slash"
	case hidesSecret:
		return "answer with one fixed sentence, keep expected values in the log at most, and switch off debug pages"
	case "replays-once":
		return "store the event's id under a unique key in the same transaction as its effect, and do nothing where it exists"
	case "tls-valid":
		return "renew the certificate, and let the server send its whole chain"
	case aliveAtEnd:
		return "see the first failed case that says that the app no longer answers"
	}
	return ""
}

// codeFor is the line of code that goes right, in the app's framework.
func (k *kit) codeFor(id, framework string) string {
	var cause diagnose.Cause
	switch id {
	case "accepts-raw-body", "accepts-unicode":
		cause = diagnose.BodyReserialised
	case "accepts-header-case":
		cause = diagnose.SignatureHeader
	case "rejects-wrong-secret", "rejects-tampered-body", "rejects-swapped-event", "rejects-wrong-algorithm":
		cause = diagnose.AlgorithmOther
	case "rejects-tampered-timestamp":
		cause = diagnose.ContentSeparator
	case "rejects-truncated-signature", "rejects-malformed-signature":
		return comparison(framework)
	case "accepts-charset", "accepts-large-body":
		if framework == "Express" {
			return `express.raw({type: "*/*", limit: "5mb"})`
		}
		return ""
	default:
		return ""
	}
	for _, l := range diagnose.AdviceFor(cause, k.provider).Lines {
		if l.Framework == framework {
			return l.Code
		}
	}
	return ""
}

// comparison is how two signatures are compared in the framework's language.
func comparison(framework string) string {
	switch framework {
	case "Express", "Fastify", "Next.js":
		return "const a = Buffer.from(expected), b = Buffer.from(given ?? \"\"); a.length === b.length && crypto.timingSafeEqual(a, b)"
	case "Flask", "Django", "FastAPI", "Python":
		return `hmac.compare_digest(expected.encode(), (given or "").encode())`
	case "Rails", "Sinatra", "Ruby":
		return "Rack::Utils.secure_compare(expected, given.to_s)"
	case "Laravel", "PHP":
		return "hash_equals($expected, (string) $given)"
	case "Spring":
		return "MessageDigest.isEqual(expected.getBytes(UTF_8), given.getBytes(UTF_8))"
	case "Go net/http":
		return "hmac.Equal([]byte(expected), []byte(given))"
	case "ASP.NET":
		return "CryptographicOperations.FixedTimeEquals(expected, given)"
	}
	return ""
}
