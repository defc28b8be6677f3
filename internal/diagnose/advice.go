package diagnose

import "strings"

// An Advice is what to do about a cause.
type Advice struct {
	Cause Cause
	Say   string   // in a sentence
	Lines []Line   // the line that does it, in the frameworks that it concerns
	Steps []string // of Unknown: what to try next, in this order
}

// A Line is the line of code that goes right in one framework.
type Line struct {
	Framework string
	Code      string
}

// AdviceFor returns what to do about a cause.
func AdviceFor(c Cause) Advice { return Advice{Cause: c, Say: say(c), Lines: Lines(c)} }

// advise returns the advice for a set of causes, what is the same for two of
// them once, and all of it as one text.
func advise(causes []Cause) (text string, list []Advice) {
	said, shown := map[string]bool{}, map[string]bool{}
	var out []string
	for _, c := range causes {
		a := AdviceFor(c)
		if said[a.Say] {
			continue
		}
		said[a.Say] = true
		out = append(out, a.Say)
		if len(a.Lines) > 0 && shown[a.Lines[0].Code] {
			a.Lines = nil
		}
		for _, l := range a.Lines {
			shown[a.Lines[0].Code] = true
			out = append(out, l.Framework+": "+l.Code)
		}
		list = append(list, a)
	}
	return strings.Join(out, "\n"), list
}

// say is the advice in a sentence.
func say(c Cause) string {
	switch c {
	case BodyTrailingNewline, BodyWhitespace, BodyCRLF, BodyBOM:
		return "verify the bytes as they came; write bodies by hand with printf or curl --data-binary, which add and change nothing"
	case BodyReserialised, BodyUnicodeEscaped:
		return "verify the raw body before any JSON parser touches it"
	case BodyCharset:
		return "verify the body as bytes: do not decode it to text and encode it again"
	case BodyBase64:
		return "decode the body first where the gateway says that it is base64 (isBase64Encoded)"
	case BodyFormEncoded:
		return "verify the raw body, before the form is decoded; or choose application/json in the provider's settings"
	case BodyEmpty:
		return "something reads the body before it is verified: keep the bytes when they are read first"
	case SecretWhitespace:
		return "trim the secret where it is read: a file or a copied line ends in a newline"
	case SecretQuoted:
		return "take the quotes out of the .env file or the variable: not everything that reads one removes them"
	case SecretEncoding:
		return "make the key of the secret as the provider does: hooks providers show PROVIDER says whether it is decoded first"
	case SecretPrefix:
		return "take the secret with its prefix, or without it, as hooks providers show PROVIDER says"
	case SecretOther:
		return "use the secret of this endpoint: each endpoint and each mode has its own"
	case SignaturePrefix, SignatureEncoding, SignatureCase:
		return "spell the signature as the provider does, on both sides: hooks providers show PROVIDER shows it"
	case SignatureTruncated:
		return "something cuts the signature off: look for a database column, a buffer, a split or a log line of that length"
	case SignatureHeader:
		return "read the header that the provider sends; if a proxy renames it, read it there or let it pass"
	case AlgorithmOther:
		return "compute an HMAC with the hash that the provider names, and with the secret as its key"
	case TimestampMissing, TimestampUnit, TimestampFormat, ContentSeparator:
		return "join what is signed as the provider does, with the timestamp exactly as its header spells it: hooks providers show PROVIDER has the picture"
	case TimestampExpired:
		return "set the clocks (NTP) and verify on arrival; for an old request, --at TIME judges as of then and --tolerance off judges the signature alone"
	case ContentURL:
		return "verify with the address that the provider calls: the public one from your settings, or let the framework trust the proxy's headers"
	case ProviderOther:
		return "verify it as what it is: --provider PROVIDER"
	case HeaderMissing:
		return "let the proxy or framework in front pass the header on; or the sender signs nothing yet: set a secret there"
	case Unknown:
	}
	return ""
}

// Lines returns how the usual frameworks are made to do right what went wrong,
// none for causes that have nothing to do with them.
func Lines(c Cause) []Line {
	switch c {
	case BodyTrailingNewline, BodyWhitespace, BodyCRLF, BodyBOM, BodyReserialised, BodyUnicodeEscaped, BodyCharset, BodyFormEncoded, BodyEmpty:
		return rawBody()
	case BodyBase64:
		return []Line{
			{"AWS Lambda (Node)", `const body = Buffer.from(event.body, event.isBase64Encoded ? "base64" : "utf8")`},
			{"AWS Lambda (Python)", `body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()`},
			{"Go net/http", `body, err := base64.StdEncoding.DecodeString(event.Body) // events.APIGatewayProxyRequest`},
		}
	case SecretWhitespace, SecretQuoted:
		return trimmedSecret()
	case SecretEncoding, SecretPrefix:
		return madeKey()
	case SignaturePrefix, SignatureEncoding, SignatureCase, AlgorithmOther:
		return computed()
	case TimestampMissing, TimestampUnit, TimestampFormat, ContentSeparator:
		return joinedContent()
	case ContentURL:
		return publicAddress()
	case HeaderMissing, SignatureHeader:
		return readHeader()
	case SecretOther, SignatureTruncated, TimestampExpired, ProviderOther, Unknown:
	}
	return nil
}

// rawBody has the bytes as they came.
func rawBody() []Line {
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
}

func trimmedSecret() []Line {
	return []Line{
		{"Express", `const secret = process.env.WEBHOOK_SECRET.trim()`},
		{"Fastify", `const secret = process.env.WEBHOOK_SECRET.trim()`},
		{"Next.js", `const secret = process.env.WEBHOOK_SECRET!.trim()`},
		{"Flask", `secret = os.environ["WEBHOOK_SECRET"].strip()`},
		{"Django", `WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"].strip()  # settings.py`},
		{"FastAPI", `secret = os.environ["WEBHOOK_SECRET"].strip()`},
		{"Rails", `secret = ENV.fetch("WEBHOOK_SECRET").strip`},
		{"Laravel", `'webhook_secret' => trim(env('WEBHOOK_SECRET')), // config/services.php`},
		{"Spring", `String secret = environment.getRequiredProperty("WEBHOOK_SECRET").strip();`},
		{"Go net/http", `secret := strings.TrimSpace(os.Getenv("WEBHOOK_SECRET"))`},
		{"ASP.NET", `var secret = builder.Configuration["WEBHOOK_SECRET"]!.Trim();`},
	}
}

// madeKey makes a key of a secret, for providers whose secret is base64 after a
// prefix. Where it is not, the text is the key.
func madeKey() []Line {
	return []Line{
		{"Express", `const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64") // or: the text as it is`},
		{"Fastify", `const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64") // or: the text as it is`},
		{"Next.js", `const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64") // or: the text as it is`},
		{"Flask", `key = base64.b64decode(secret.removeprefix("whsec_"))  # or: secret.encode()`},
		{"Django", `key = base64.b64decode(secret.removeprefix("whsec_"))  # or: secret.encode()`},
		{"FastAPI", `key = base64.b64decode(secret.removeprefix("whsec_"))  # or: secret.encode()`},
		{"Rails", `key = Base64.strict_decode64(secret.delete_prefix("whsec_")) # or: secret`},
		{"Laravel", `$key = base64_decode(Str::after($secret, 'whsec_'), true); // or: $secret`},
		{"Spring", `byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", "")); // or: secret.getBytes(UTF_8)`},
		{"Go net/http", `key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_")) // or: []byte(secret)`},
		{"ASP.NET", `var key = Convert.FromBase64String(secret.Replace("whsec_", "")); // or: Encoding.UTF8.GetBytes(secret)`},
	}
}

// computed computes an HMAC and spells it.
func computed() []Line {
	return []Line{
		{"Express", `"sha256=" + crypto.createHmac("sha256", secret).update(body).digest("hex")`},
		{"Fastify", `"sha256=" + crypto.createHmac("sha256", secret).update(body).digest("hex")`},
		{"Next.js", `"sha256=" + crypto.createHmac("sha256", secret).update(body).digest("hex")`},
		{"Flask", `"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()`},
		{"Django", `"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()`},
		{"FastAPI", `"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()`},
		{"Rails", `"sha256=" + OpenSSL::HMAC.hexdigest("SHA256", secret, body)`},
		{"Laravel", `'sha256='.hash_hmac('sha256', $body, $secret)`},
		{"Spring", `"sha256=" + HexFormat.of().formatHex(mac.doFinal(body)) // Mac.getInstance("HmacSHA256")`},
		{"Go net/http", `"sha256=" + hex.EncodeToString(mac.Sum(nil)) // hmac.New(sha256.New, secret)`},
		{"ASP.NET", `"sha256=" + Convert.ToHexString(HMACSHA256.HashData(key, body)).ToLowerInvariant()`},
	}
}

// joinedContent joins timestamp and body, as most providers do that sign both.
func joinedContent() []Line {
	return []Line{
		{"Express", "const signed = Buffer.concat([Buffer.from(`${timestamp}.`), req.body])"},
		{"Fastify", "const signed = Buffer.concat([Buffer.from(`${timestamp}.`), body])"},
		{"Next.js", "const signed = `${timestamp}.${body}`"},
		{"Flask", `signed = timestamp.encode() + b"." + request.get_data()`},
		{"Django", `signed = timestamp.encode() + b"." + request.body`},
		{"FastAPI", `signed = timestamp.encode() + b"." + await request.body()`},
		{"Rails", `signed = "#{timestamp}.#{request.raw_post}"`},
		{"Laravel", `$signed = $timestamp.'.'.$request->getContent();`},
		{"Spring", `mac.update((timestamp + ".").getBytes(UTF_8)); mac.update(body);`},
		{"Go net/http", `fmt.Fprintf(mac, "%s.%s", timestamp, body)`},
		{"ASP.NET", `var signed = Encoding.UTF8.GetBytes(timestamp + ".").Concat(body).ToArray();`},
	}
}

// publicAddress makes frameworks believe the proxy about the address.
func publicAddress() []Line {
	return []Line{
		{"Express", `app.set("trust proxy", 1)`},
		{"Fastify", `const fastify = Fastify({trustProxy: 1})`},
		{"Next.js", "const url = process.env.PUBLIC_URL + request.nextUrl.pathname + request.nextUrl.search"},
		{"Flask", `app.wsgi_app = ProxyFix(app.wsgi_app, x_proto=1, x_host=1, x_prefix=1)`},
		{"Django", `USE_X_FORWARDED_HOST = True; SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")`},
		{"FastAPI", `uvicorn app:app --proxy-headers --forwarded-allow-ips=PROXY`},
		{"Rails", `config.assume_ssl = true; config.action_dispatch.trusted_proxies = [IPAddr.new("PROXY")]`},
		{"Laravel", `$middleware->trustProxies(at: ['PROXY']);`},
		{"Spring", `server.forward-headers-strategy=framework`},
		{"Go net/http", `url := publicURL + r.URL.RequestURI() // publicURL from the settings`},
		{"ASP.NET", `app.UseForwardedHeaders(new() { ForwardedHeaders = ForwardedHeaders.All });`},
	}
}

// readHeader reads the signature.
func readHeader() []Line {
	return []Line{
		{"Express", `const signature = req.get("X-Signature")`},
		{"Fastify", `const signature = req.headers["x-signature"] // always in small letters`},
		{"Next.js", `const signature = request.headers.get("X-Signature")`},
		{"Flask", `signature = request.headers.get("X-Signature")`},
		{"Django", `signature = request.headers.get("X-Signature")  # or META["HTTP_X_SIGNATURE"]`},
		{"FastAPI", `signature = request.headers.get("X-Signature")`},
		{"Rails", `signature = request.headers["X-Signature"]`},
		{"Laravel", `$signature = $request->header('X-Signature');`},
		{"Spring", `@RequestHeader("X-Signature") String signature`},
		{"Go net/http", `signature := r.Header.Get("X-Signature")`},
		{"ASP.NET", `var signature = Request.Headers["X-Signature"].ToString();`},
	}
}
