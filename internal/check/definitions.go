package check

import "context"

// The ids that are spoken of elsewhere.
const (
	acceptsValid   = "accepts-valid"
	staleTimestamp = "rejects-stale-timestamp"
	hidesSecret    = "hides-secret"
	aliveAtEnd     = "alive-at-end"
)

// define is a case that is judged by its answers alone.
func define(id string, level Level, t tier, w want, sends, expects string, f func(k *kit) ([]shot, error)) definition {
	return definition{Case: Case{ID: id, Level: level, Sends: sends, Expects: expects}, tier: t, want: w, make: f}
}

// special is a case that does more than to send and to look.
func special(id string, level Level, t tier, sends, expects string, f func(ctx context.Context, r *run) finding) definition {
	return definition{Case: Case{ID: id, Level: level, Sends: sends, Expects: expects}, tier: t, run: f}
}

func inOrder(d definition) definition {
	d.ordered = true
	return d
}

const (
	accept = "accept (2xx)"
	reject = "reject (4xx)"
	noFail = "no 5xx, no dropped connection"
)

// definitions lists all cases in the order of a report.
func definitions() []definition {
	return append(append(accepting(), rejecting()...), enduring()...)
}

func accepting() []definition {
	const r, a = Required, Advice
	return []definition{
		define(acceptsValid, r, first, accepted, "a valid signed sample", accept, makePlain),
		define("accepts-every-event", r, together, accepted, "every event type of the provider", "accept all (2xx)", makeEveryEvent),
		define("accepts-raw-body", r, together, accepted, "a valid signature over bytes that writing the JSON again would change", "accept each (2xx)", makeRawBody),
		define("accepts-unicode", r, together, accepted, "multi-byte text, an emoji and U+2028 in the body", accept, makeUnicode),
		define("accepts-chunked", r, together, accepted, "the body in chunks, without its length", accept, makeChunked),
		define("accepts-charset", r, together, accepted, "Content-Type: application/json; charset=utf-8", accept, makeCharset),
		define("accepts-header-case", r, together, accepted, "header names in lower case, and in upper case", accept, makeHeaderCase),
		define("accepts-extra-fields", r, together, accepted, "a valid event with a field that is not known", accept, makeExtraFields),
		define("accepts-unknown-event", r, together, accepted, "an event type that does not exist yet", accept, makeUnknownEvent),
		inOrder(define("accepts-duplicate", r, together, accepted, "the same delivery twice", "accept both (2xx)", makeDuplicate)),
		inOrder(define("accepts-out-of-order", r, together, accepted, "a later event before an earlier one", "accept both (2xx)", makeOutOfOrder)),
		define("accepts-rotated-secret", r, together, accepted, "a wrong signature beside the right one", accept, makeRotated),
		define("accepts-large-body", a, hostile, acceptedOrTooLarge, "a valid event of 1 MiB", "accept (2xx), or 413", makeLargeBody),
	}
}

func rejecting() []definition {
	const r, a = Required, Advice
	return []definition{
		define("rejects-unsigned", r, hostile, rejected, "no signature", reject, makeUnsigned),
		define("rejects-empty-signature", r, hostile, rejected, "the signature header with an empty value, and with only its prefix", reject, makeEmpty),
		define("rejects-wrong-secret", r, hostile, rejected, "a sample signed with another secret", reject, makeWrongSecret),
		define("rejects-tampered-body", r, hostile, rejected, "a sample of which one byte was changed after signing", reject, makeTamperedBody),
		define("rejects-truncated-signature", r, hostile, rejected, "half of the right signature", reject, makeTruncated),
		define("rejects-malformed-signature", r, hostile, rejected, "a signature that is not hex or base64, not ASCII, 8 KiB long", reject, makeMalformed),
		define("rejects-wrong-algorithm", r, hostile, rejected, "SHA-1 and unkeyed SHA-256 of the same content", reject, makeWrongAlgorithm),
		define("rejects-tampered-timestamp", r, hostile, rejected, "a sample of which the timestamp was changed after signing", reject, makeTamperedTimestamp),
		define(staleTimestamp, r, hostile, rejected, "a right signature with a timestamp older than the tolerance", reject, makeStale),
		define("rejects-future-timestamp", a, hostile, rejected, "a right signature with a timestamp far ahead", reject, makeFuture),
		define("rejects-swapped-event", r, hostile, rejected, "the signature of another valid event", reject, makeSwapped),
	}
}

func enduring() []definition {
	const r, a = Required, Advice
	return []definition{
		define("survives-malformed-json", r, hostile, survived, "validly signed bytes that are not JSON", noFail, makeMalformedJSON),
		define("survives-wrong-shape", r, hostile, survived, `validly signed null, [], "x", {}, an event without its data`, noFail, makeWrongShape),
		define("survives-empty-body", r, hostile, survived, "a validly signed empty body", noFail, makeEmptyBody),
		define("survives-invalid-utf8", r, hostile, survived, "validly signed bytes that are not UTF-8", noFail, makeInvalidUTF8),
		define("survives-deep-json", r, hostile, survived, "10,000 nested arrays, validly signed", noFail, makeDeepJSON),
		define("survives-wrong-method", a, hostile, rejected, "GET and PUT", "4xx, best 405", makeWrongMethod),
		define("survives-slow-client", a, hostile, accepted, "a valid sample whose body takes 5 s", accept, makeSlow),
		special("answers-in-time", r, alone, "a valid sample", "an answer within the provider's time-out; better within 5 s", runInTime),
		special("answers-burst", r, alone, "50 valid samples at once", "accept all (2xx)", runBurst),
		define("answers-without-redirect", r, together, notRedirected, "a valid sample", "no 3xx", makePlain),
		special(hidesSecret, r, last, "all rejected requests", "no answer holds the expected signature or the secret", runHides),
		special("replays-once", a, last, "the same event twice", "one effect", runReplays),
		special("tls-valid", a, alone, "a TLS handshake", "a valid certificate for 14 days or more, TLS 1.2 or newer", runTLS),
		define(aliveAtEnd, r, last, accepted, "a valid sample after all of the above", accept, makePlain),
	}
}
