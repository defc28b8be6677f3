#!/usr/bin/env python3
"""Writes the cases of this folder, or with --check says whether the stacks that
are here still make the same.

Each case is a request as it arrives after something went wrong on the way:
between the system that signed it and the one that verifies it, or in the secret
or the signature that was copied. Bodies are changed by the stacks themselves
(stacks/), and signatures are made here as each provider documents it, so that
nothing of this project has a part in what its search is measured by.

  python3 generate.py                          write all; needs node, go, php, ruby and java
  python3 generate.py --check --stacks node    compare those that need no other stack

A case names in "causes" what was done to it: the ids that a diagnosis should
have, "none" for a valid request, and "unknown" where nothing can be proved. With
"lost" something was thrown away on the way (the order of names, characters), so
that only guessing could tell: there a diagnosis has to be silent or right.
"""
import argparse
import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import urllib.parse

HERE = os.path.dirname(os.path.abspath(__file__))
AT = 1768473000  # 2026-01-15T10:30:00Z

COMMANDS = {
    "node": ["node", "stacks/node.js"],
    "php": ["php", "stacks/php.php"],
    "ruby": ["ruby", "stacks/ruby.rb"],
    "java": ["java", "-cp", "/usr/share/java/*", "stacks/Stack.java"],
    "go": ["go", "run", "stacks/stack.go"],
}


class Missing(Exception):
    """A stack that is not asked for."""


class Stacks:
    def __init__(self, names):
        self.names = names
        self.running = {}

    def run(self, name, job, body):
        if name in ("python", "shell"):
            return {"python": python, "shell": shell}[name](job, body)
        if name not in self.names:
            raise Missing(name)
        if name not in self.running:
            self.running[name] = subprocess.Popen(COMMANDS[name], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        p = self.running[name]
        p.stdin.write(json.dumps({"job": job, "body": base64.b64encode(body).decode()}).encode() + b"\n")
        p.stdin.flush()
        line = p.stdout.readline()
        if not line:
            sys.exit(f"{name} {job} has failed")
        return base64.b64decode(line)


def python(job, body):
    """Apps in Flask, Django and FastAPI."""
    v = lambda: json.loads(body)
    return {
        "dumps": lambda: json.dumps(v()).encode(),
        "dumps-utf8": lambda: json.dumps(v(), ensure_ascii=False).encode(),
        "dumps-compact": lambda: json.dumps(v(), separators=(",", ":")).encode(),
        "dumps-compact-utf8": lambda: json.dumps(v(), separators=(",", ":"), ensure_ascii=False).encode(),
        "dumps-sorted": lambda: json.dumps(v(), sort_keys=True).encode(),
        "dumps-sorted-compact": lambda: json.dumps(v(), sort_keys=True, separators=(",", ":")).encode(),
        "dumps-2": lambda: json.dumps(v(), indent=2).encode(),
        "dumps-4": lambda: json.dumps(v(), indent=4).encode(),
        "json-tool": lambda: json.dumps(v(), indent=4).encode() + b"\n",
        "str-dict": lambda: str(v()).encode(),
        "str-bytes": lambda: str(body).encode(),
        "form-dict": lambda: urllib.parse.urlencode(dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))).encode(),
        "form-json": lambda: json.dumps(dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))).encode(),
        "payload-json": lambda: urllib.parse.parse_qs(body.decode())["payload"][0].encode(),
        "mojibake": lambda: body.decode("cp1252", "replace").encode() if b"\x81" not in body else None,
        "latin1": lambda: body.decode("latin-1").encode(),
        "to-latin1": lambda: body.decode().encode("latin-1"),
        "to-cp1252": lambda: body.decode().encode("cp1252"),
        "ascii-replace": lambda: body.decode().encode("ascii", "replace"),
        "ascii-ignore": lambda: body.decode().encode("ascii", "ignore"),
        "decode-replace": lambda: body.decode("ascii", "replace").encode(),
        "b64": lambda: base64.b64encode(body),
        "b64-lines": lambda: base64.encodebytes(body),
        "quote-plus": lambda: urllib.parse.quote_plus(body).encode(),
    }[job]()


def shell(job, body):
    """Editors, shells and tools, as they are documented to write."""
    return {
        "echo": lambda: body + b"\n",
        "heredoc": lambda: body + b"\n",
        "editor": lambda: body + b"\n",
        "chomp": lambda: body[:-1],
        "windows-editor": lambda: body.replace(b"\n", b"\r\n") + b"\r\n",
        "windows-echo": lambda: body + b"\r\n",
        "cmd-echo": lambda: body + b" \r\n",
        "autocrlf": lambda: body.replace(b"\n", b"\r\n"),
        "dos2unix": lambda: body.replace(b"\r\n", b"\n"),
        "notepad-bom": lambda: b"\xef\xbb\xbf" + body,
        "powershell-utf8": lambda: b"\xef\xbb\xbf" + body + b"\r\n",
        "powershell-unicode": lambda: b"\xff\xfe" + (body.decode() + "\r\n").encode("utf-16-le"),
        "powershell-ansi": lambda: body.decode().encode("cp1252") + b"\r\n",
        "utf16": lambda: b"\xff\xfe" + body.decode().encode("utf-16-le"),
        "curl-data": lambda: body.replace(b"\r", b"").replace(b"\n", b""),
        "template": lambda: b"\n    " + body + b"\n  ",
        "spaces": lambda: b"  " + body + b" ",
        "jq": lambda: json.dumps(json.loads(body), indent=2, ensure_ascii=False).encode() + b"\n",
        "jq-c": lambda: json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode() + b"\n",
        "base64": lambda: wrapped(base64.b64encode(body)),
        "empty": lambda: b"",
    }[job]()


def wrapped(text):
    return b"".join(text[i:i + 76] + b"\n" for i in range(0, len(text), 76))


# Providers, as their documentation has them. ------------------------------

SW_KEY = base64.b64encode(b"standard-webhooks-signing-key-01").decode()
SECRETS = {
    "canvelete": "cnv_9f8e7d6c5b4a39281706f5e4d3c2b1a0",
    "loopcanvas": "lc_live_5b1c8d2e7f3a9046b8d1",
    "generic": "whsec_Zk3Lq8Rt5Wv1Xy7Bn2Mc4Dp6Fs9Gh0J",
    "sketchpen": "whsec_Ab3Cd6Ef9Gh2Ij5Kl8Mn1Op4Qr7St0U",
    "stripe": "whsec_4eC39HqLyjWDarjtT1zdp7dcTYooMQ",
    "github": "It's a Secret to Everybody",
    "slack": "8f742231b10e8888abcd99yyyzzz85a5",
    "shopify": "3f1d2c4b5a69788796a5b4c3d2e1f001",
    "twilio": "12345678901234567890abcdef123456",
    "standard-webhooks": "whsec_" + SW_KEY,
}
BODIES = {
    p: ([p + ".json", p + "-plain.json"] if p != "twilio" else ["twilio.txt"]) for p in SECRETS
}
URL = {"twilio": "https://app.example.com/twilio/sms?account=7&lang=en"}
MSG_ID = "msg_2Lh9KRb0pzN4LePd3XiA4v12345"


def mac(key, content, alg="sha256"):
    return hmac.new(key, content, alg).digest()


class Sender:
    """Signs as a provider does, but for what a case changes."""

    def __init__(self, provider, **change):
        self.provider = provider
        self.change = change

    def key(self):
        if "key" in self.change:
            return self.change["key"]
        s = SECRETS[self.provider]
        if self.provider == "standard-webhooks":
            return base64.b64decode(s.removeprefix("whsec_"))
        return s.encode()

    def stamp(self):
        return str(self.change.get("stamp", AT))

    def content(self, body):
        ts = str(self.change.get("signed_stamp", self.stamp()))
        if "content" in self.change:
            parts = {"timestamp": ts.encode(), "id": MSG_ID.encode(), "body": body}
            out = self.change["content"].encode()
            for name, value in parts.items():
                out = out.replace(b"{" + name.encode() + b"}", value, 1)
            return out
        if self.provider in ("stripe", "sketchpen"):
            return ts.encode() + b"." + body
        if self.provider == "slack":
            return b"v0:" + ts.encode() + b":" + body
        if self.provider == "standard-webhooks":
            return MSG_ID.encode() + b"." + ts.encode() + b"." + body
        if self.provider == "twilio":
            fields = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))
            url = self.change.get("signed_url", URL["twilio"])
            return (url + "".join(k + fields[k] for k in sorted(fields))).encode()
        return body

    def digest(self, body):
        if "plain" in self.change:
            return hashlib.new(self.change["plain"], self.content(body)).digest()
        if "keyed" in self.change:  # sha256(secret + body), as people invent it
            return hashlib.sha256(self.key() + self.content(body)).digest()
        return mac(self.key(), self.content(body), self.change.get("alg", {"twilio": "sha1"}.get(self.provider, "sha256")))

    def spelled(self, body):
        d = self.digest(body)
        usual = "base64" if self.provider in ("shopify", "twilio", "standard-webhooks") else "hex"
        s = {
            "hex": lambda: d.hex(),
            "HEX": lambda: d.hex().upper(),
            "base64": lambda: base64.b64encode(d).decode(),
            "base64raw": lambda: base64.b64encode(d).decode().rstrip("="),
            "base64url": lambda: base64.urlsafe_b64encode(d).decode(),
            "base64url-raw": lambda: base64.urlsafe_b64encode(d).decode().rstrip("="),
            "base64hex": lambda: base64.b64encode(d.hex().encode()).decode(),
            "percent": lambda: urllib.parse.quote(base64.b64encode(d).decode(), safe=""),
            "spaces": lambda: base64.b64encode(d).decode().replace("+", " "),
        }[self.change.get("spelling", usual)]()
        return self.change.get("edit", lambda s: s)(s)

    def header_name(self):
        return {
            "canvelete": "X-Canvelete-Signature", "loopcanvas": "X-Signature", "generic": "X-Webhook-Signature",
            "sketchpen": "X-Sketchpen-Signature", "stripe": "Stripe-Signature", "github": "X-Hub-Signature-256",
            "slack": "X-Slack-Signature", "shopify": "X-Shopify-Hmac-Sha256", "twilio": "X-Twilio-Signature",
            "standard-webhooks": "Webhook-Signature",
        }[self.provider]

    def headers(self, body):
        s = self.spelled(body)
        prefix = {"canvelete": "sha256=", "loopcanvas": "sha256=", "sketchpen": "sha256=", "github": "sha256=", "slack": "v0=", "standard-webhooks": "v1,"}
        value = self.change.get("prefix", prefix.get(self.provider, "")) + s
        if self.provider == "stripe":
            value = "t=" + self.stamp() + "," + self.change.get("prefix", "v1=") + s
        value = self.change.get("value", lambda v: v)(value)
        out = [(self.change.get("header", self.header_name()), value)]
        if self.provider == "sketchpen":
            out.append(("X-Sketchpen-Timestamp", self.stamp()))
        if self.provider == "slack":
            out.append(("X-Slack-Request-Timestamp", self.stamp()))
        if self.provider == "standard-webhooks":
            out += [("Webhook-Id", MSG_ID), ("Webhook-Timestamp", self.stamp())]
        if self.provider == "github":
            out += [("X-Github-Event", "issues"), ("X-Github-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"), ("User-Agent", "GitHub-Hookshot/044aadd")]
        if self.provider == "shopify":
            out += [("X-Shopify-Topic", "orders/create"), ("X-Shopify-Shop-Domain", "super-toys.myshopify.com")]
        return [h for h in out + self.change.get("more", []) if h[1] is not None]


class Corpus:
    def __init__(self, stacks):
        self.stacks = stacks
        self.cases = {}
        self.skipped = 0

    def add(self, provider, name, causes, signed, received, given=None, other=(), url=None, lost=None, at=AT, note="", sender=None, stack="python"):
        s = sender or Sender(provider)
        lines = [("comment", note or name.replace("-", " "))]
        lines.append(("stack", stack))
        given = SECRETS[provider] if given is None else given
        lines.append(("secret-json", json.dumps(given)) if given != given.strip() or not given.isascii() or "\n" in given or given[0] in "\"'" else ("secret", given))
        for o in other:
            lines.append(("other", o + "=" + SECRETS[o]))
        lines.append(("url", url or URL.get(provider, "https://app.example.com/webhooks/" + provider)))
        lines.append(("at", str(at)))
        if provider == "twilio" or received[:6] == b"token=" or received[:8] == b"payload=":
            lines.append(("header", "Content-Type: application/x-www-form-urlencoded"))
        else:
            lines.append(("header", "Content-Type: application/json"))
        for n, v in s.headers(signed):
            lines.append(("header", n + ": " + v))
        if lost:
            lines.append(("lost", lost))
        lines.append(("causes", ", ".join(causes) if isinstance(causes, (list, tuple)) else causes))
        text = "".join(f"{k}: {v}\n" for k, v in lines).encode() + b"\n" + received
        path = os.path.join(provider, name + ".vec")
        if path in self.cases:
            sys.exit("twice: " + path)
        self.cases[path] = text

    def body(self, provider, source, stack, job, causes=None, lost=None, backwards=False, name=None, sender=None, given=None, other=(), more=""):
        """A body that a stack has changed: after it was signed, or, backwards,
        before, while the one that is sent stayed as it was."""
        raw = bodies(source)
        try:
            made = self.stacks.run(stack, job, raw)
        except Missing:
            self.skipped += 1
            return
        if made is None or made == raw:
            return
        signed, received = (made, raw) if backwards else (raw, made)
        causes = causes or [rewritten(signed, received)]
        kind = "-plain" if "-plain" in source else "-form" if "-form" in source else ""
        name = (name or ("signed-" if backwards else "") + stack + "-" + job) + kind + more
        note = f"{'what was signed' if backwards else 'the body'} went through {stack} ({job})"
        self.add(provider, name, causes, signed, received, lost=lost, note=note, stack=stack, sender=sender, given=given, other=other)


def bodies(name):
    with open(os.path.join(HERE, "bodies", name), "rb") as f:
        return f.read()


def rewritten(signed, received):
    """The name of the difference between two spellings of one JSON value: if
    only the escapes of characters beyond ASCII differ, it is that."""
    def literal(b):
        out, i = [], 0
        t = b.decode()
        while i < len(t):
            if t[i] == "\\" and t[i + 1] == "u" and int(t[i + 2:i + 6], 16) >= 0x80:
                out.append(chr(int(t[i + 2:i + 6], 16)))
                i += 6
            elif t[i] == "\\":
                out.append(t[i:i + 2])
                i += 2
            else:
                out.append(t[i])
                i += 1
        return "".join(out).encode("utf-16", "surrogatepass").decode("utf-16")
    if literal(signed) == literal(received):
        return "body_unicode_escaped"
    return "body_reserialised"


def is_sorted(b):
    names = []
    def look(pairs):
        names.append([k for k, _ in pairs] == sorted(k for k, _ in pairs))
        return dict(pairs)
    json.loads(b, object_pairs_hook=look)
    return all(names)


JSON = [p for p in SECRETS if p != "twilio"]
STAMPED = ["stripe", "sketchpen", "slack", "standard-webhooks"]

# What apps do to a body before they verify it. The first of each stack is tried
# for every provider, the rest in turn.
REWRITES = [
    ("node", ["stringify", "stringify-2", "stringify-4", "stringify-tab", "stringify-text", "stringify-buffer"]),
    ("python", ["dumps", "dumps-utf8", "dumps-compact", "dumps-compact-utf8", "dumps-2", "dumps-4", "json-tool", "str-dict", "str-bytes"]),
    ("php", ["encode-object", "encode", "encode-slashes", "encode-unicode", "encode-both", "encode-pretty", "encode-symfony"]),
    ("ruby", ["to_json", "rails", "pretty", "to_s"]),
    ("go", ["marshal-raw", "encode-raw", "compact", "indent", "indent-tab"]),
    ("java", ["jackson", "jackson-map", "jackson-pretty", "jackson-ascii", "gson", "gson-pretty"]),
    ("shell", ["jq", "jq-c"]),
]


def rewrites(c):
    for i, p in enumerate(JSON):
        for source in BODIES[p]:
            for n, (stack, jobs) in enumerate(REWRITES):
                chosen = [jobs[0]] + [j for k, j in enumerate(jobs[1:]) if (k + i + n) % 3 == 0]
                for job in chosen:
                    # A newline that a writer adds is no second mistake where the
                    # JSON is another anyway; alone it is one.
                    causes = None
                    if job in ("jq", "jq-c", "encode-raw"):
                        causes = [rewritten_or_newline(c, stack, job, source)]
                        if causes == [None]:
                            continue
                    if job in ("stringify-text", "stringify-buffer", "str-dict", "str-bytes", "to_s"):
                        causes = ["body_reserialised"]
                    lost = None
                    if stack == "java" and job.startswith("gson") and b":null" in bodies(source).replace(b" ", b""):
                        lost = "what is null"
                    if stack == "node" and p == "shopify" and job not in ("stringify-text", "stringify-buffer"):
                        lost = "digits of large numbers"
                    c.body(p, source, stack, job, causes, lost=lost)
            # Go's map forgets the order of names.
            if not is_sorted(bodies(source)):
                c.body(p, source, "go", "marshal-map", lost="the order of names")
        # The sender has signed another spelling than it sent.
        for stack, job in [("python", "dumps-sorted"), ("go", "marshal-map"), ("node", "stringify-2"), ("python", "dumps"), ("php", "encode-object"), ("python", "dumps-sorted-compact")][i % 3::3] + [("python", "dumps-compact")]:
            c.body(p, BODIES[p][0], stack, job, backwards=True)


def rewritten_or_newline(c, stack, job, source):
    raw = bodies(source)
    try:
        made = c.stacks.run(stack, job, raw)
    except Missing:
        return None
    return "body_trailing_newline" if made == raw + b"\n" else rewritten(raw, made.rstrip(b"\n"))


def edited(c):
    """Editors, shells, gateways and character sets."""
    for i, p in enumerate(JSON):
        source = BODIES[p][0]
        plain = BODIES[p][1]
        pretty = p == "stripe"
        c.body(p, source, "shell", "echo", ["body_trailing_newline"])
        c.body(p, plain, "shell", ["heredoc", "editor"][i % 2], ["body_trailing_newline"])
        c.body(p, plain, "shell", "windows-echo", ["body_trailing_newline"])
        c.body(p, source, "shell", "echo", ["body_trailing_newline"], backwards=True)
        c.body(p, source, "shell", "cmd-echo", ["body_whitespace"])
        if i % 3 == 0:
            c.body(p, source, "shell", "template", ["body_whitespace"])
        if i % 3 == 1:
            c.body(p, plain, "shell", "spaces", ["body_whitespace"])
        c.body(p, source, "shell", "notepad-bom", ["body_bom"])
        if i % 2:
            c.body(p, plain, "shell", "notepad-bom", ["body_bom"], backwards=True)
        c.body(p, source, "shell", "powershell-utf8", ["body_trailing_newline", "body_bom"])
        c.body(p, source, "shell", "powershell-unicode", ["body_trailing_newline", "body_charset"])
        if i % 2:
            c.body(p, plain, "shell", "utf16", ["body_charset"])
        if not bodies(source).isascii():
            c.body(p, source, "python", "latin1", ["body_charset"])
            c.body(p, source, "python", "mojibake", ["body_charset"], lost=None)
            c.body(p, source, "node", "latin1", ["body_charset"], lost=None, backwards=True)
            c.body(p, source, "python", "ascii-replace", ["body_charset"], backwards=True)
            c.body(p, source, "python", ["ascii-replace", "decode-replace"][i % 2], ["body_charset"], lost="characters")
            try:
                python("to-latin1", bodies(source))
                c.body(p, source, "python", "to-latin1", ["body_charset"])
                c.body(p, source, "node", "to-latin1", ["body_charset"], backwards=True)
            except UnicodeEncodeError:
                pass
            try:
                python("to-cp1252", bodies(source))
                c.body(p, source, "python", "to-cp1252", ["body_charset"])
                c.body(p, source, "shell", "powershell-ansi", ["body_trailing_newline", "body_charset"])
            except UnicodeEncodeError:
                pass
        if pretty:
            for s in (source, plain):
                c.body(p, s, "shell", "autocrlf", ["body_crlf"])
                c.body(p, s, "shell", "autocrlf", ["body_crlf"], backwards=True)
                c.body(p, s, "shell", "windows-editor", ["body_trailing_newline", "body_crlf"])
                c.body(p, s, "shell", "curl-data", ["body_reserialised"])
        c.body(p, source, "node", "base64", ["body_base64"])
        if i % 2:
            c.body(p, plain, "shell", "base64", ["body_base64"])
            c.body(p, source, "node", "event-base64", ["body_base64"])
        else:
            c.body(p, plain, "python", "b64", ["body_base64"])
            c.body(p, source, "ruby", "base64", ["body_base64"])
            c.body(p, source, "node", "event", ["body_reserialised"])
        c.body(p, source, "node", "base64", ["body_base64"], backwards=True)
        if i % 3 == 0:
            c.body(p, source, "node", "wrap-payload", ["body_form_encoded"], backwards=True)
        if i % 3 == 1:
            c.body(p, source, "php", "urlencode", ["body_form_encoded"])
        if i % 3 == 2:
            c.body(p, source, "node", "encode", ["body_form_encoded"])
        c.body(p, source, "shell", "empty", ["body_empty"], backwards=True)
        if i % 4 == 0:
            c.body(p, source, "node", "object", ["body_reserialised"], lost="everything")
        if i % 2:
            c.body(p, plain, "node", "stringify-empty", ["body_empty"], backwards=True)


def forms(c):
    # GitHub with the content type application/x-www-form-urlencoded.
    raw = b"payload=" + urllib.parse.quote_plus(bodies("github.json")).encode()
    for stack, job in (("python", "payload-json"), ("node", "form-payload")):
        try:
            made = c.stacks.run(stack, job, raw)
        except Missing:
            c.skipped += 1
            continue
        c.add("github", f"form-{stack}", ["body_form_encoded"], raw, made, note="GitHub sends a form, and the app has taken payload out of it", stack=stack)
    # Slack's slash commands, through the parsers of the frameworks.
    for stack, job in (("node", "form-json"), ("node", "form-encode"), ("php", "form-json"), ("ruby", "form-json"), ("python", "form-json"), ("node", "form-form"), ("php", "form-form")):
        c.body("slack", "slack-form.txt", stack, job, ["body_form_encoded"])
    for stack, job in (("node", "form-json"), ("php", "form-json"), ("python", "form-json"), ("ruby", "form-json")):
        c.body("twilio", "twilio.txt", stack, job, ["body_form_encoded"])
    c.body("twilio", "twilio.txt", "node", "base64", ["body_base64"])


def secrets(c):
    for i, p in enumerate(SECRETS):
        s, source = SECRETS[p], BODIES[p][0]
        raw = bodies(source)
        add = lambda name, causes, given=None, **k: c.add(p, "secret-" + name, causes, raw, raw, given=given, **k)
        add("newline", ["secret_whitespace"], s + "\n", note="read from a file that echo wrote")
        add("crlf", ["secret_whitespace"], s + "\r\n", note="read from a file that Windows wrote")
        add("spaces", ["secret_whitespace"], " " + s + "  ", note="copied from a web page with what stands around it")
        if i % 2:
            add("no-break-space", ["secret_whitespace"], "\u00a0" + s, note="copied from a web page")
            add("zero-width", ["secret_whitespace"], "\u200b" + s, note="copied from a chat")
            add("backslash-n", ["secret_whitespace"], s + "\\n", note="a .env file whose value ends in \\n")
        add("quotes", ["secret_quoted"], '"' + s + '"', note="docker --env-file keeps quotes")
        add("single-quotes", ["secret_quoted"], "'" + s + "'", note="a Kubernetes manifest, quoted twice")
        if i % 2 == 0:
            add("typographic-quotes", ["secret_quoted"], "“" + s + "”", note="copied from a document")
            add("backticks", ["secret_quoted"], "`" + s + "`", note="copied from Markdown")
        add("env-line", ["secret_prefix"], "WEBHOOK_SECRET=" + s, note="the whole line of the .env file")
        if i % 2:
            add("export-line", ["secret_prefix"], "export " + p.upper().replace("-", "_") + "_SECRET=" + s, note="the whole line of a shell script")
        add("quotes-newline", ["secret_whitespace", "secret_quoted"], '"' + s + '"\n', note="a file with the value as it stands in .env")
        add("env-line-quotes", ["secret_quoted", "secret_prefix"], 'WEBHOOK_SECRET="' + s + '"', note="the whole line of the .env file, with quotes")
        # The sender's own copy is the broken one.
        if p != "standard-webhooks":
            add("signer-newline", ["secret_whitespace"], sender=Sender(p, key=s.encode() + b"\n"), note="the sender has read its file with the newline")
            add("signer-quotes", ["secret_quoted"], sender=Sender(p, key=b'"' + s.encode() + b'"'), note="the sender's .env keeps the quotes")
        # Another one that is known here.
        o = list(SECRETS)[(i + 3) % len(SECRETS)]
        add("other", ["secret_other"], "not-the-one-" + s[::-1], other=[p, o], note="the secret of another endpoint was given")
        if i % 4 == 1:
            add("wrong", "unknown", "not-the-one-" + s[::-1], other=[o], note="nobody here knows the right secret")
    for p in ("stripe", "generic", "sketchpen"):
        raw = bodies(BODIES[p][0])
        s = SECRETS[p]
        c.add(p, "secret-signer-stripped", ["secret_prefix"], raw, raw, sender=Sender(p, key=s.removeprefix("whsec_").encode()), note="the signer took the secret without whsec_")
        c.add(p, "secret-given-stripped", ["secret_prefix"], raw, raw, given=s.removeprefix("whsec_"), note="the secret was copied without whsec_")
        key = base64.b64decode(s.removeprefix("whsec_") + "=" * (-len(s.removeprefix("whsec_")) % 4))
        c.add(p, "secret-signer-decoded", ["secret_encoding"], raw, raw, sender=Sender(p, key=key), note="the signer made its key as Standard Webhooks does")
    for p in ("shopify", "twilio", "slack", "canvelete"):
        raw = bodies(BODIES[p][0])
        s = {"slack": SECRETS["shopify"], "canvelete": "9f8e7d6c5b4a39281706f5e4d3c2b1a0"}.get(p, SECRETS[p])
        c.add(p, "secret-signer-hex", ["secret_encoding"], raw, raw, given=s, sender=Sender(p, key=bytes.fromhex(s)), note="the signer decoded the secret as hex")
        c.add(p, "secret-signer-base64", ["secret_encoding"], raw, raw, given=s, sender=Sender(p, key=base64.b64decode(s)), note="the signer decoded the secret as base64")
    p = "standard-webhooks"
    for source in BODIES[p]:
        raw = bodies(source)
        kind = "-plain" if "plain" in source else ""
        c.add(p, "secret-signer-raw" + kind, ["secret_encoding"], raw, raw, sender=Sender(p, key=SECRETS[p].encode()), note="the signer took the whole text for the key")
        c.add(p, "secret-signer-undecoded" + kind, ["secret_encoding"], raw, raw, sender=Sender(p, key=SW_KEY.encode()), note="the signer took the text without its prefix for the key")
    raw = bodies(BODIES[p][0])
    try:
        key = c.stacks.run("node", "read-base64", SECRETS[p].encode())
        c.add(p, "secret-signer-node", ["secret_prefix"], raw, raw, sender=Sender(p, key=key), note="Node's Buffer decodes whsec_ along with the rest", stack="node")
    except Missing:
        c.skipped += 1
    c.add(p, "secret-given-v1", ["secret_prefix"], raw, raw, given="v1," + SECRETS[p], note="Supabase shows its secrets with v1, in front")
    c.add(p, "secret-other-hex", ["secret_encoding"], raw, raw, given=base64.b64decode(SW_KEY).hex(), note="the secret was given in hex")


def signatures(c):
    for i, p in enumerate(SECRETS):
        source = BODIES[p][0]
        raw = bodies(source)
        based = p in ("shopify", "twilio", "standard-webhooks")
        add = lambda name, causes, **k: c.add(p, "signature-" + name, causes, raw, raw, sender=Sender(p, **k), note=name.replace("-", " "))
        if p in ("canvelete", "loopcanvas", "sketchpen", "github", "slack", "standard-webhooks"):
            add("no-prefix", ["signature_prefix"], prefix="")
            usual = {"slack": "v0=", "standard-webhooks": "v1,"}.get(p, "sha256=")
            add("prefix-twice", ["signature_prefix"], prefix=usual + usual)
            add("other-prefix", ["signature_prefix"], prefix={"slack": "v1=", "standard-webhooks": "v1="}.get(p, "hmac-sha256="))
        else:
            add("prefix-added", ["signature_prefix"], **({"prefix": "v0="} if p == "stripe" else {"prefix": "sha256="}))
        if i % 2:
            add("quoted", ["signature_prefix"], value=lambda v: '"' + v + '"')
        if based:
            add("hex", ["signature_encoding"], spelling="hex")
            if p != "standard-webhooks":
                add("no-padding", ["signature_encoding"], spelling="base64raw")
            add("base64url-raw", ["signature_encoding"], spelling="base64url-raw")
            add("percent", ["signature_encoding"], spelling="percent")
            add("base64-of-hex", ["signature_encoding"], spelling="base64hex")
            add("hex-and-upper", ["signature_encoding"], spelling="HEX")
        else:
            add("upper-case", ["signature_case"], spelling="HEX")
            add("base64", ["signature_encoding"], spelling="base64")
            add("base64url", ["signature_encoding"], spelling="base64url-raw")
            if p != "stripe":
                add("all-upper-case", ["signature_case"], value=lambda v: v.upper())
        add("column-of-50" if not based else "column-of-20", ["signature_truncated"], edit=(lambda s: s[:20]) if based else (lambda s: s[:50]))
        if not based:
            add("first-lost", ["signature_truncated"], edit=lambda s: s[1:])
            add("half", ["signature_truncated"], edit=lambda s: s[:32])
            if i % 2:
                add("too-short", "unknown", edit=lambda s: s[:12])
        add("renamed", ["signature_header"], header={"github": "X-Webhook-Signature"}.get(p, "X-Original-Signature"))
        if i % 2:
            add("cgi-name", ["signature_header"], header="Http-" + Sender(p).header_name())
        others = ["sha1", "sha512", "sha384", "md5"] if p != "twilio" else ["sha256", "sha512"]
        for alg in others[i % 2:][:3]:
            add(alg, ["algorithm_other"], alg=alg)
        add("plain-hash", ["algorithm_other"], plain="sha1" if p == "twilio" else "sha256")
        if p != "twilio":
            add("secret-in-front", ["algorithm_other"], keyed=True)
        add("none", "none")
        add("flipped", "unknown", edit=lambda s: s[:-6] + ("0" if s[-6] != "0" else "1") + s[-5:])
        # No signature at all, with what the proxy in front says about itself.
        proxy = [("Cf-Ray", "8a1b2c3d4e5f6071-FRA"), ("X-Real-Ip", "203.0.113.9"), ("X-Amzn-Trace-Id", "Root=1-67891233-abcdef012345678912345678"), ("X-Forwarded-For", "203.0.113.9")][i % 4]
        if proxy[0] != "X-Amzn-Trace-Id" and p != "github":
            add("missing", "header_missing", value=lambda v: None, more=[proxy])
    raw = bodies("github.json")
    c.add("github", "pair-sha1-in-256", ["signature_prefix", "algorithm_other"], raw, raw, sender=Sender("github", alg="sha1", prefix="sha1="), note="the value of X-Hub-Signature in X-Hub-Signature-256")
    raw = bodies("shopify.json")
    c.add("shopify", "pair-github-style", ["signature_prefix", "signature_encoding"], raw, raw, sender=Sender("shopify", prefix="sha256=", spelling="hex"), note="signed as GitHub does")
    for p, o in (("canvelete", "loopcanvas"), ("generic", "stripe"), ("loopcanvas", "canvelete"), ("sketchpen", "slack"), ("github", "shopify"), ("canvelete", "standard-webhooks")):
        raw = bodies(BODIES[o][0])
        s = Sender(o)
        c.add(p, "provider-" + o, ["provider_other"], raw, raw, given=SECRETS[o], sender=s, note=f"it is from {o}")


def stamps(c):
    for p in STAMPED:
        source = BODIES[p][0]
        raw = bodies(source)
        add = lambda name, causes, at=AT, **k: c.add(p, "time-" + name, causes, raw, raw, at=at, sender=Sender(p, **k), note=name.replace("-", " "))
        iso = "2026-01-15T10:30:00Z"
        add("left-out", ["timestamp_missing"], content="{body}")
        add("milliseconds-signed", ["timestamp_unit"], signed_stamp=AT * 1000)
        add("milliseconds-sent", ["timestamp_unit"], stamp=AT * 1000, signed_stamp=AT)
        add("iso-signed", ["timestamp_format"], signed_stamp=iso)
        add("iso-millis-signed", ["timestamp_format"], signed_stamp="2026-01-15T10:30:00.000Z")
        add("isoformat-signed", ["timestamp_format"], signed_stamp="2026-01-15T10:30:00+00:00")
        if p != "stripe":
            add("iso-sent", ["timestamp_format"], stamp=iso, signed_stamp=AT)
        add("expired", ["timestamp_expired"], at=AT + 3600)
        add("just-expired", ["timestamp_expired"], at=AT + 301)
        add("ahead", ["timestamp_expired"], at=AT - 7200)
        joins = ["{timestamp}:{body}", "{timestamp}{body}", "{body}.{timestamp}", "{timestamp}.{body}", "v0:{timestamp}:{body}", "{timestamp}\n{body}", "{body}{timestamp}", "{timestamp}|{body}"]
        if p == "standard-webhooks":
            joins = ["{timestamp}.{body}", "{id}:{timestamp}:{body}", "{id}{timestamp}{body}", "{timestamp}.{id}.{body}", "{body}"]
        usual = {"stripe": "{timestamp}.{body}", "sketchpen": "{timestamp}.{body}", "slack": "v0:{timestamp}:{body}"}.get(p)
        for n, j in enumerate(joins):
            if j != usual:
                causes = ["timestamp_missing"] if j == "{body}" else ["content_separator"]
                if p == "standard-webhooks" and j == "{body}":
                    continue  # that is left-out
                add(f"join-{n}", causes, content=j)
        c.add(p, "pair-expired-newline", ["body_trailing_newline", "timestamp_expired"], raw, raw + b"\n", at=AT + 3600, note="an old request that an editor has touched")
        c.add(p, "pair-expired-secret", ["secret_whitespace", "timestamp_expired"], raw, raw, given=SECRETS[p] + "\n", at=AT + 86400, note="an old request, and a secret with a newline")
    for p in ("canvelete", "generic", "github"):
        raw = bodies(BODIES[p][0])
        more = [("X-Webhook-Timestamp", str(AT))]
        for n, j in enumerate(["{timestamp}.{body}", "{timestamp}:{body}", "{timestamp}{body}"]):
            c.add(p, f"time-put-in-{n}", ["timestamp_missing"], raw, raw, sender=Sender(p, content=j, more=more), note="the sender has signed a timestamp too")


def addresses(c):
    raw = bodies("twilio.txt")
    host, path = "app.example.com", "/twilio/sms"
    query = "?account=7&lang=en"
    signed = URL["twilio"]
    seen = {
        "http": ("http://" + host + path + query, [("X-Forwarded-Proto", "https")]),
        "internal": ("http://10.0.3.7:8080" + path + query, [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", host)]),
        "forwarded": ("http://localhost:3000" + path + query, [("Forwarded", "for=203.0.113.9;proto=https;host=" + host)]),
        "ngrok": ("http://localhost:3000" + path + query, [("X-Forwarded-Host", host), ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "203.0.113.9")]),
        "port": ("https://" + host + ":443" + path + query, []),
        "slash": ("https://" + host + path + "/" + query, []),
        "prefix": ("https://" + host + "/sms" + query, [("X-Forwarded-Prefix", "/twilio")]),
        "original-uri": ("https://" + host + "/sms" + query, [("X-Original-Uri", path + query)]),
        "query-order": ("https://" + host + path + "?lang=en&account=7", []),
        "query-dropped": ("https://" + host + path, [("X-Original-Uri", path + query)]),
        "stripped": ("https://" + host + "/prod" + path + query, []),
        "upper-host": ("https://App.Example.Com" + path + query, []),
    }
    for name, (url, more) in seen.items():
        if name == "query-dropped":
            continue
        c.add("twilio", "url-" + name, ["content_url"], raw, raw, url=url, sender=Sender("twilio", more=more), note="the app was called by another address than Twilio")
    signs = {
        "signed-without-query": signed.split("?")[0],
        "signed-with-port": "https://" + host + ":8443" + path + query,
        "signed-stage": "https://" + host + "/prod" + path + query,
        "signed-http": "http://" + host + path + query,
        "signed-no-slash": "https://" + host + path,
    }
    for name, url in signs.items():
        if name == "signed-with-port":
            c.add("twilio", "url-" + name, ["content_url"], raw, raw, sender=Sender("twilio", signed_url=url, more=[("X-Forwarded-Port", "8443")]), note="another address is set at Twilio")
            continue
        called = signed if name != "signed-no-slash" else signed.split("?")[0] + "/"
        c.add("twilio", "url-" + name, ["content_url"], raw, raw, url=called, sender=Sender("twilio", signed_url=url), note="another address is set at Twilio")
    for name, url, sent in (
        ("decoded", "https://" + host + path + "?name=J%C3%BCrgen%20M", "https://" + host + path + "?name=Jürgen M"),
        ("encoded", "https://" + host + path + "?name=Jürgen", "https://" + host + path + "?name=J%C3%BCrgen"),
    ):
        c.add("twilio", "url-" + name, ["content_url"], raw, raw, url=sent, sender=Sender("twilio", signed_url=url), note="the query was decoded on the way, or was not")
    c.add("twilio", "url-unknown", "unknown", raw, raw, sender=Sender("twilio", signed_url="https://elsewhere.example.net/x"), note="an address that nothing in the request names")
    c.add("twilio", "pair-url-secret", ["secret_whitespace", "content_url"], raw, raw, given=SECRETS["twilio"] + "\n", url=seen["ngrok"][0], sender=Sender("twilio", more=seen["ngrok"][1]), note="behind a proxy, and a secret with a newline")
    c.add("twilio", "pair-url-hex", ["signature_encoding", "content_url"], raw, raw, url=seen["http"][0], sender=Sender("twilio", more=seen["http"][1], spelling="hex"), note="behind a proxy, and the signature in hex")


def pairs(c):
    """Two mistakes at once, of two people."""
    for i, p in enumerate(JSON):
        source, plain = BODIES[p]
        s = SECRETS[p]
        o = list(SECRETS)[(i + 4) % len(SECRETS)]
        for n, (stack, job, cause) in enumerate([
            ("node", "stringify", None), ("python", "dumps", None), ("php", "encode-object", None), ("shell", "echo", "body_trailing_newline"),
            ("shell", "notepad-bom", "body_bom"), ("node", "base64", "body_base64"), ("ruby", "pretty", None), ("java", "jackson-pretty", None),
            ("go", "indent", None), ("python", "latin1", "body_charset"),
        ]):
            raw = bodies(source)
            try:
                made = c.stacks.run(stack, job, raw)
            except Missing:
                c.skipped += 1
                continue
            if made == raw:
                continue
            body = cause or rewritten(raw, made)
            k = (n + i) % 5
            given, second, sender, other = [
                (s + "\n", "secret_whitespace", None, ()),
                ('"' + s + '"', "secret_quoted", None, ()),
                ("another-" + s, "secret_other", None, (p, o)),
                (None, "signature_encoding", Sender(p, spelling="base64" if p not in ("shopify", "standard-webhooks") else "hex"), ()),
                (None, "signature_case", Sender(p, spelling="HEX"), ()),
            ][k]
            if second == "signature_case" and p in ("shopify", "standard-webhooks"):
                given, second, sender = "WEBHOOK_SECRET=" + s, "secret_prefix", None
            order = [body, second]
            lost = "digits of large numbers" if stack == "node" and p == "shopify" and job == "stringify" else None
            c.add(p, f"pair-{stack}-{job}-{second.replace('_', '-')}", order, raw, made, given=given, other=other, sender=sender, stack=stack, lost=lost, note=f"{stack} ({job}), and {second}")
        raw = bodies(plain)
        if p in STAMPED:
            c.add(p, "pair-newline-milliseconds", ["body_trailing_newline", "timestamp_unit"], raw, raw + b"\n", sender=Sender(p, signed_stamp=AT * 1000), note="a newline more, and milliseconds were signed")
            c.add(p, "pair-newline-join", ["body_trailing_newline", "content_separator"], raw, raw + b"\n", sender=Sender(p, content="{timestamp}:{body}" if p != "standard-webhooks" else "{id}:{timestamp}:{body}"), note="a newline more, and colons")
            c.add(p, "pair-secret-left-out", ["secret_whitespace", "timestamp_missing"], raw, raw, given=s + "\n", sender=Sender(p, content="{body}"), note="a newline in the secret, and the body alone was signed")
        c.add(p, "pair-secret-renamed", ["secret_quoted", "signature_header"], raw, raw, given='"' + s + '"', sender=Sender(p, header="X-Original-Signature"), note="quotes around the secret, and the header was renamed")
        c.add(p, "pair-newline-sha1", ["body_trailing_newline", "algorithm_other"], raw, raw + b"\n", sender=Sender(p, alg="sha1"), note="a newline more, and SHA-1")
        c.add(p, "pair-newline-cut", ["body_trailing_newline", "signature_truncated"], raw, raw + b"\n", sender=Sender(p, edit=lambda v: v[:22]), note="a newline more, and a signature that was cut off")
        # Two within the body.
        c.add(p, "pair-base64-newline", ["body_trailing_newline", "body_base64"], raw + b"\n", base64.b64encode(raw), note="the signer's body ended in a newline, and the gateway encodes", sender=None)
        # Three that one careless afternoon makes.
        c.add(p, "three-newline-quotes-hex", ["body_trailing_newline", "secret_quoted", "signature_encoding"], raw, raw + b"\n", given='"' + s + '"', sender=Sender(p, spelling="base64" if p not in ("shopify", "standard-webhooks") else "hex"), note="an editor, a .env file, and the wrong digest()")
        # Nothing of this: a value was changed.
        if i % 4 == 2:
            c.add(p, "changed-value", "unknown", raw, raw.replace(b"e", b"a", 1), note="somebody has changed a value")


def dotnet(b):
    """System.Text.Json, by its documentation: \\uXXXX in capitals for all beyond
    ASCII, and for what HTML could misread."""
    out = json.dumps(json.loads(b), separators=(",", ":"))
    out = re.sub(r"\\u([0-9a-f]{4})", lambda m: "\\u" + m.group(1).upper(), out).replace('\\"', "\\u0022")
    for c in "<>&'+`":
        out = out.replace(c, "\\u%04X" % ord(c))
    return out.encode()


def jsonb(v):
    """PostgreSQL's jsonb as text: the shortest names first."""
    if isinstance(v, dict):
        names = sorted(v, key=lambda k: (len(k.encode()), k.encode()))
        return "{" + ", ".join(json.dumps(k, ensure_ascii=False) + ": " + jsonb(v[k]) for k in names) + "}"
    if isinstance(v, list):
        return "[" + ", ".join(map(jsonb, v)) + "]"
    return json.dumps(v, ensure_ascii=False)


def further(c):
    """What a second look at the forums has brought."""
    for i, p in enumerate(JSON):
        raw, plain, s = bodies(BODIES[p][0]), bodies(BODIES[p][1]), SECRETS[p]
        based = p in ("shopify", "standard-webhooks")

        def add(name, signed, received, causes, **k):
            if signed != received or "given" in k or "sender" in k:
                c.add(p, "further-" + name, causes, signed, received, **k)
        if i % 3 == 0:
            add("dotnet-signed", dotnet(raw), raw, [rewritten(dotnet(raw).replace(b"\\u0022", b'\\"'), raw)])
            add("dotnet-received", raw, dotnet(raw), [rewritten(raw, dotnet(raw).replace(b"\\u0022", b'\\"'))])
            add("dict-secret", raw, python("str-dict", raw), ["body_reserialised", "secret_quoted"], given='"' + s + '"')
        if i % 3 == 1:
            add("jsonb-signed", jsonb(json.loads(raw)).encode(), raw, ["body_reserialised"])
            add("sorted-pretty", json.dumps(json.loads(raw), indent=2, sort_keys=True, ensure_ascii=False).encode(), raw, ["body_reserialised"])
            add("header-line", raw, raw, ["signature_prefix"], sender=Sender(p, value=lambda v: Sender(p).header_name() + ": " + v))
        if i % 3 == 2:
            add("sorted-utf8", json.dumps(json.loads(raw), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(), raw, ["body_reserialised"])
            add("utf16be", raw, b"\xfe\xff" + raw.decode().encode("utf-16-be"), ["body_charset"])
            add("form-newline", plain, urllib.parse.quote(plain.decode(), safe="").encode() + b"\n", ["body_trailing_newline", "body_form_encoded"])
        add("secret-tab", raw, raw, ["secret_whitespace"], given="\t" + s)
        add("secret-semicolon", raw, raw, ["secret_quoted"], given='"' + s + '";')
        add("secret-yaml", raw, raw, ["secret_prefix"], given="webhook_secret: " + s)
        add("upper-newline", raw, raw + b"\n", ["body_trailing_newline", "signature_encoding" if based else "signature_case"], sender=Sender(p, spelling="HEX"))
        add("renamed-newline", raw, raw + b"\n", ["body_trailing_newline", "signature_header"], sender=Sender(p, header="X-My-Sig"))
        add("sha512-quotes", raw, raw, ["secret_quoted", "algorithm_other"], given="'" + s + "'", sender=Sender(p, alg="sha512"))
        add("hash-newline", raw, raw + b"\n", ["body_trailing_newline", "algorithm_other"], sender=Sender(p, plain="sha256"))
        add("empty-secret", b"", plain, ["body_empty", "secret_whitespace"], given=s + " ")
        add("bom-base64", b"\xef\xbb\xbf" + plain, base64.b64encode(plain), ["body_bom", "body_base64"])


def build(stacks):
    c = Corpus(stacks)
    for part in (rewrites, edited, forms, secrets, signatures, stamps, addresses, pairs, further):
        part(c)
    return c


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--check", action="store_true")
    a.add_argument("--stacks", default="node,php,ruby,java,go")
    o = a.parse_args()
    c = build(Stacks(o.stacks.split(",")))
    if not o.check:
        for path in find():
            os.remove(os.path.join(HERE, path))
    bad = 0
    for path, text in sorted(c.cases.items()):
        full = os.path.join(HERE, path)
        if o.check:
            if not os.path.exists(full) or open(full, "rb").read() != text:
                print("differs:", path)
                bad += 1
            continue
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(text)
    if o.check and not c.skipped:
        for path in find():
            if path not in c.cases:
                print("left over:", path)
                bad += 1
    print(f"{len(c.cases)} cases, {c.skipped} need another stack, {bad} differ")
    sys.exit(1 if bad else 0)


def find():
    for root, _, files in os.walk(HERE):
        for f in files:
            if f.endswith(".vec"):
                yield os.path.relpath(os.path.join(root, f), HERE)


if __name__ == "__main__":
    main()
