package diagnose

import (
	"strings"

	"github.com/hooks-cli/hooks/internal/provider"
)

// terms are the words of a provider in the lines of code that go right with it.
type terms struct {
	header   string // in which it signs
	prefix   string // of the signature
	hash     string // of its HMAC; "" if it has none
	base64   bool   // is how it spells the signature, else hex
	join     [2]string
	stamped  bool   // the timestamp is signed: join stands in front of it and behind it
	decoding string // of the secret: raw, base64 or hex
	strip    string // prefix of the secret that is no part of the key
}

// termsOf reads the terms of the provider's first scheme.
func termsOf(p *provider.Provider) terms {
	t := terms{header: "X-Signature", prefix: "sha256=", hash: "sha256", join: [2]string{"", "."}, stamped: true, decoding: "raw"}
	if p == nil || len(p.Schemes()) == 0 {
		return t
	}
	sch := p.Schemes()[0]
	spec := sch.Spec()
	if names := sch.SignatureHeaders(); len(names) > 0 {
		t.header = names[0]
	}
	t.prefix, _, _ = strings.Cut(spec.Signature.Format, "{signature}")
	if i := strings.LastIndex(t.prefix, spec.Signature.Separator); spec.Signature.Separator != "" && i >= 0 {
		t.prefix = t.prefix[i+len(spec.Signature.Separator):]
	}
	t.hash, _ = strings.CutPrefix(spec.Algorithm, "hmac-")
	if !keyed(spec.Algorithm) {
		t.hash = ""
	}
	t.base64 = strings.HasPrefix(spec.Signature.Encoding, "base64")
	content := strings.Join(spec.Content, spec.Join)
	front, rest, stamped := strings.Cut(content, "{timestamp}")
	between, _, body := strings.Cut(rest, "{body}")
	t.stamped = stamped && body
	t.join = [2]string{front, between}
	if t.decoding = spec.Secret.Encoding; t.decoding == "" {
		t.decoding = "raw"
	}
	if len(spec.Secret.Prefix) > 0 {
		t.strip = spec.Secret.Prefix[len(spec.Secret.Prefix)-1]
	}
	return t
}

// lines returns how the usual frameworks are made to do right what went wrong,
// none for causes that have nothing to do with them.
func (t terms) lines(c Cause) []Line {
	switch c {
	case BodyTrailingNewline, BodyWhitespace, BodyCRLF, BodyBOM, BodyReserialised, BodyUnicodeEscaped, BodyCharset, BodyFormEncoded, BodyEmpty:
		return rawBody()
	case BodyBase64:
		return []Line{
			{"AWS Lambda (Node)", `const body = Buffer.from(event.body, event.isBase64Encoded ? "base64" : "utf8")`},
			{"AWS Lambda (Python)", `body = base64.b64decode(event["body"]) if event["isBase64Encoded"] else event["body"].encode()`},
			{"AWS Lambda (Go)", `body, err := base64.StdEncoding.DecodeString(event.Body) // if event.IsBase64Encoded`},
		}
	case SecretWhitespace:
		return trimmedSecret()
	case SecretQuoted:
		return unquotedSecret()
	case SecretEncoding, SecretPrefix:
		return t.madeKey()
	case SignaturePrefix, SignatureEncoding, SignatureCase, AlgorithmOther:
		return t.computed()
	case TimestampMissing, TimestampUnit, TimestampFormat, ContentSeparator:
		return t.joined()
	case ContentURL:
		return publicAddress()
	case HeaderMissing, SignatureHeader:
		return t.readHeader()
	case SecretOther, SignatureTruncated, TimestampExpired, ProviderOther, Unknown:
	}
	return nil
}

// each gives the frameworks the line of their language.
func each(node, python, ruby, php, java, golang, dotnet string) []Line {
	return []Line{
		{"Express", node},
		{"Fastify", node},
		{"Next.js", node},
		{"Flask", python},
		{"Django", python},
		{"FastAPI", python},
		{"Rails", ruby},
		{"Laravel", php},
		{"Spring", java},
		{"Go net/http", golang},
		{"ASP.NET", dotnet},
	}
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

func unquotedSecret() []Line {
	return each("const secret = process.env.WEBHOOK_SECRET.replace(/^([\"'])(.*)\\1$/, \"$2\")", `secret = os.environ["WEBHOOK_SECRET"].strip("\"'")`,
		`secret = ENV.fetch("WEBHOOK_SECRET").delete(%q("'))`, `$secret = trim(config('services.webhook.secret'), "\"'");`,
		`String secret = environment.getRequiredProperty("WEBHOOK_SECRET").replaceAll("^[\"']|[\"']$", "");`,
		"secret := strings.Trim(os.Getenv(\"WEBHOOK_SECRET\"), \"\\\"'\")", `var secret = builder.Configuration["WEBHOOK_SECRET"]!.Trim('"', '\'');`)
}

// madeKey makes the key of the secret.
func (t terms) madeKey() []Line {
	var l []Line
	switch t.decoding {
	case "hex":
		l = each(`const key = Buffer.from(SECRET, "hex")`, `key = bytes.fromhex(SECRET)`, `key = [SECRET].pack("H*")`, `$key = hex2bin(SECRET);`,
			`byte[] key = HexFormat.of().parseHex(SECRET);`, `key, err := hex.DecodeString(SECRET)`, `var key = Convert.FromHexString(SECRET);`)
	case "base64", "base64url":
		l = each(`const key = Buffer.from(SECRET, "base64")`, `key = base64.b64decode(SECRET)`, `key = Base64.strict_decode64(SECRET)`, `$key = base64_decode(SECRET, true);`,
			`byte[] key = Base64.getDecoder().decode(SECRET);`, `key, err := base64.StdEncoding.DecodeString(SECRET)`, `var key = Convert.FromBase64String(SECRET);`)
	default:
		l = each(`const key = SECRET // the text itself, prefix and all`, `key = SECRET.encode()  # the text itself, prefix and all`, `key = SECRET # the text itself, prefix and all`,
			`$key = SECRET; // the text itself, prefix and all`, `byte[] key = SECRET.getBytes(StandardCharsets.UTF_8);`, `key := []byte(SECRET)`, `var key = Encoding.UTF8.GetBytes(SECRET);`)
	}
	bare := each("secret", "secret", "secret", "$secret", "secret", "secret", "secret")
	if t.strip != "" {
		quoted := `"` + t.strip + `"`
		bare = each(`secret.replace(`+quoted+`, "")`, `secret.removeprefix(`+quoted+`)`, `secret.delete_prefix(`+quoted+`)`, `Str::after($secret, '`+t.strip+`')`,
			`secret.replaceFirst("^`+t.strip+`", "")`, `strings.TrimPrefix(secret, `+quoted+`)`, `secret.Replace(`+quoted+`, "")`)
	}
	for i := range l {
		l[i].Code = strings.Replace(l[i].Code, "SECRET", bare[i].Code, 1)
	}
	return l
}

// computed computes the HMAC and spells it.
func (t terms) computed() []Line {
	if t.hash == "" {
		return nil
	}
	var l []Line
	if t.base64 {
		l = each(`crypto.createHmac("HASH", key).update(CONTENT).digest("base64")`, `base64.b64encode(hmac.new(key, CONTENT, hashlib.HASH).digest()).decode()`,
			`Base64.strict_encode64(OpenSSL::HMAC.digest("CAPITALS", key, CONTENT))`, `base64_encode(hash_hmac('HASH', $CONTENT, $key, true))`,
			`Base64.getEncoder().encodeToString(mac.doFinal(CONTENT)) // Mac.getInstance("HmacCAPITALS")`,
			`base64.StdEncoding.EncodeToString(mac.Sum(nil)) // mac := hmac.New(HASH.New, key)`, `Convert.ToBase64String(HMACCAPITALS.HashData(key, CONTENT))`)
	} else {
		l = each(`crypto.createHmac("HASH", key).update(CONTENT).digest("hex")`, `hmac.new(key, CONTENT, hashlib.HASH).hexdigest()`,
			`OpenSSL::HMAC.hexdigest("CAPITALS", key, CONTENT)`, `hash_hmac('HASH', $CONTENT, $key)`,
			`HexFormat.of().formatHex(mac.doFinal(CONTENT)) // Mac.getInstance("HmacCAPITALS")`,
			`hex.EncodeToString(mac.Sum(nil)) // mac := hmac.New(HASH.New, key)`, `Convert.ToHexString(HMACCAPITALS.HashData(key, CONTENT)).ToLowerInvariant()`)
	}
	content := "body"
	if t.stamped {
		content = "signed"
	}
	words := strings.NewReplacer("HASH", t.hash, "CAPITALS", strings.ToUpper(t.hash), "CONTENT", content)
	for i := range l {
		l[i].Code = words.Replace(l[i].Code)
		switch {
		case t.prefix == "":
		case l[i].Framework == "Laravel":
			l[i].Code = "'" + t.prefix + "'." + l[i].Code
		default:
			l[i].Code = `"` + t.prefix + `" + ` + l[i].Code
		}
	}
	return l
}

// joined joins timestamp and body. Where the timestamp is not signed it is the
// body alone.
func (t terms) joined() []Line {
	if !t.stamped {
		return rawBody()
	}
	front, between := strings.ReplaceAll(t.join[0], "\n", `\n`), strings.ReplaceAll(t.join[1], "\n", `\n`)
	l := []Line{
		{"Express", "const signed = Buffer.concat([Buffer.from(`FRONT${timestamp}BETWEEN`), req.body])"},
		{"Fastify", "const signed = Buffer.concat([Buffer.from(`FRONT${timestamp}BETWEEN`), body])"},
		{"Next.js", "const signed = `FRONT${timestamp}BETWEEN${body}`"},
		{"Flask", `signed = f"FRONT{timestamp}BETWEEN".encode() + request.get_data()`},
		{"Django", `signed = f"FRONT{timestamp}BETWEEN".encode() + request.body`},
		{"FastAPI", `signed = f"FRONT{timestamp}BETWEEN".encode() + await request.body()`},
		{"Rails", `signed = "FRONT#{timestamp}BETWEEN#{request.raw_post}"`},
		{"Laravel", `$signed = "FRONT{$timestamp}BETWEEN".$request->getContent();`},
		{"Spring", `mac.update(("FRONT" + timestamp + "BETWEEN").getBytes(StandardCharsets.UTF_8)); mac.update(body);`},
		{"Go net/http", `fmt.Fprintf(mac, "FRONT%sBETWEEN%s", IDtimestamp, body)`},
		{"ASP.NET", `var signed = Encoding.UTF8.GetBytes($"FRONT{timestamp}BETWEEN").Concat(body).ToArray();`},
	}
	// How each language puts the id of the message into such a text.
	id := each("${id}", "{id}", "#{id}", "{$id}", `" + id + "`, "%s", "{id}")
	for i := range l {
		comma := ""
		if strings.Contains(front, "{id}") {
			comma = "id, "
		}
		words := strings.NewReplacer("FRONT", strings.ReplaceAll(front, "{id}", id[i].Code), "BETWEEN", between, "IDtimestamp", comma+"timestamp")
		l[i].Code = words.Replace(l[i].Code)
	}
	return l
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
func (t terms) readHeader() []Line {
	lower := strings.ToLower(t.header)
	return []Line{
		{"Express", `const signature = req.get("` + t.header + `")`},
		{"Fastify", `const signature = req.headers["` + lower + `"] // always in small letters`},
		{"Next.js", `const signature = request.headers.get("` + t.header + `")`},
		{"Flask", `signature = request.headers.get("` + t.header + `")`},
		{"Django", `signature = request.headers.get("` + t.header + `")`},
		{"FastAPI", `signature = request.headers.get("` + t.header + `")`},
		{"Rails", `signature = request.headers["` + t.header + `"]`},
		{"Laravel", `$signature = $request->header('` + t.header + `');`},
		{"Spring", `@RequestHeader("` + t.header + `") String signature`},
		{"Go net/http", `signature := r.Header.Get("` + t.header + `")`},
		{"ASP.NET", `var signature = Request.Headers["` + t.header + `"].ToString();`},
	}
}
