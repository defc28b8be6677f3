package diagnose

// fixOf says what to change.
func fixOf(c Cause) string {
	switch c {
	case BodyTrailingNewline, BodyWhitespace, BodyCRLF, BodyBOM:
		return "verify the bytes as they came; write bodies by hand with printf or curl --data-binary, which add and change nothing"
	case BodyReserialised, BodyUnicodeEscaped:
		return "verify the raw body before any JSON parser touches it"
	case BodyCharset:
		return "read the body as bytes; do not decode it to text and encode it again before verifying"
	case BodyBase64:
		return "decode the body first where the gateway says that it is base64 (isBase64Encoded)"
	case BodyFormEncoded:
		return "verify the raw body, before form decoding; or choose application/json for the webhook"
	case BodyEmpty:
		return "something reads the body before the verification does: keep the bytes when they are read first"
	case SecretWhitespace:
		return "trim the secret where it is read: a file or a copied line ends in a newline"
	case SecretQuoted:
		return "take the quotes out of the .env file or the variable"
	case SecretEncoding:
		return "make the key of the secret as the provider does: hooks providers show PROVIDER says how"
	case SecretPrefix:
		return "take the secret with its prefix, or without it, as hooks providers show PROVIDER says"
	case SecretOther:
		return "use the secret of this endpoint: each endpoint and each mode has its own"
	case SignaturePrefix, SignatureEncoding, SignatureCase:
		return "compare what the provider sends: hooks providers show PROVIDER shows its spelling"
	case SignatureTruncated:
		return "something cuts the header off: look for a column, a buffer or a log line of that length"
	case SignatureHeader:
		return "read the header that the provider sends; a proxy in between may rename it"
	case AlgorithmOther:
		return "compute the HMAC with the hash that the provider names, and with the secret as its key"
	case TimestampMissing, TimestampUnit, TimestampFormat, ContentSeparator:
		return "sign and verify the parts as the provider joins them: hooks providers show PROVIDER has the picture"
	case ContentURL:
		return "give the address as the provider calls it: the public one, from the settings and not from the request"
	case TimestampExpired:
		return "set the clocks, answer faster, or send it again; --tolerance off judges the signature alone"
	case HeaderMissing:
		return "let the proxy or framework in front pass the header on; or the sender signs nothing yet: set a secret there"
	case Unknown:
		return "check that it is this endpoint's secret; capture the request with hooks listen and verify the capture; compare the captured body with the one in the app"
	}
	return ""
}

// A Line is the line of code that goes right in one framework.
type Line struct {
	Framework string
	Code      string
}

// Lines returns how the usual frameworks are made to do right what went wrong,
// none for causes that have nothing to do with them.
func Lines(c Cause) []Line {
	switch c {
	case BodyTrailingNewline, BodyWhitespace, BodyCRLF, BodyBOM, BodyReserialised, BodyUnicodeEscaped, BodyCharset, BodyFormEncoded, BodyEmpty:
		return []Line{
			{"Express", `app.post(path, express.raw({type: "*/*"}), (req, res) => verify(req.body))`},
			{"Fastify", `fastify.addContentTypeParser("application/json", {parseAs: "buffer"}, (req, body, done) => done(null, body))`},
			{"Next.js", `const body = await request.text()`},
			{"Flask", `body = request.get_data()`},
			{"Django", `body = request.body`},
			{"FastAPI", `body = await request.body()`},
			{"Rails", `body = request.raw_post`},
			{"Laravel", `$body = $request->getContent();`},
			{"Spring", `public ResponseEntity<?> hook(@RequestBody byte[] body)`},
			{"Go net/http", `body, err := io.ReadAll(r.Body)`},
			{"ASP.NET", `using var ms = new MemoryStream(); await Request.Body.CopyToAsync(ms);`},
		}
	case SecretWhitespace, SecretQuoted:
		return []Line{
			{"Node", `const secret = process.env.WEBHOOK_SECRET.trim()`},
			{"Python", `secret = os.environ["WEBHOOK_SECRET"].strip()`},
			{"Go", `secret := strings.TrimSpace(os.Getenv("WEBHOOK_SECRET"))`},
			{"Ruby", `secret = ENV.fetch("WEBHOOK_SECRET").strip`},
		}
	}
	return nil
}
