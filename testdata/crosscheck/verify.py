"""The verification functions that the four providers document, as their users
paste them. One thing is mended: payload is the body's raw bytes, where the
documentation decodes them to text first. Canvelete's own compares with ==, and
so does this one; generic documents its check inside a Flask handler.
"""

import hashlib
import hmac


def canvelete(payload, headers, secret):
    expected = hmac.new(
        secret.encode(),
        payload,
        hashlib.sha256
    ).hexdigest()
    return f"sha256={expected}" == headers.get("x-canvelete-signature")


def loopcanvas(payload, headers, secret):
    expected = hmac.new(
        secret.encode(),
        payload,
        hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(f"sha256={expected}", headers.get("x-signature", ""))


def generic(payload, headers, secret):
    expected = hmac.new(
        secret.encode(),
        payload,
        hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(headers.get("x-webhook-signature", ""), expected)


def sketchpen(payload, headers, secret):
    timestamp = headers.get("x-sketchpen-timestamp", "")
    message = timestamp.encode("utf-8") + b"." + payload
    expected = hmac.new(
        secret.encode("utf-8"),
        message,
        hashlib.sha256
    ).hexdigest()

    expected_sig = f"sha256={expected}"
    return hmac.compare_digest(expected_sig, headers.get("x-sketchpen-signature", ""))


PROVIDERS = {
    "canvelete": canvelete,
    "loopcanvas": loopcanvas,
    "generic": generic,
    "sketchpen": sketchpen,
}
