"""A handler of Canvelete's webhooks on Flask. FAULT names the one thing that is
wrong with it; without, it is right.
"""

import hashlib
import hmac
import json
import logging
import os

from flask import Flask, Response, request

SECRET = os.environ["WEBHOOK_SECRET"].encode()
FAULT = os.environ.get("FAULT", "")

app = Flask(__name__)
logging.getLogger("werkzeug").setLevel(logging.ERROR)


def is_genuine(signature, body):
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if FAULT == "none-header":  # None is no text
        return hmac.compare_digest(request.headers.get("X-Canvelete-Signature"), expected)
    if FAULT == "ascii-only":  # a TypeError for text that is not ASCII
        return hmac.compare_digest(signature, expected)
    if FAULT == "presence-only":
        return signature.startswith("sha256=")
    return hmac.compare_digest(signature.encode(), expected.encode())


@app.route("/webhooks/canvelete" + ("/" if FAULT == "trailing-slash" else ""), methods=["POST"])
def webhook():
    body = request.get_data()
    if FAULT == "serialises-again":
        body = json.dumps(request.get_json(force=True, silent=True)).encode()
    if FAULT == "text-first":  # bytes that are no text end in an exception
        body = body.decode().encode()
    if not is_genuine(request.headers.get("X-Canvelete-Signature", ""), body):
        if FAULT == "tells-secret":
            return Response("wrong", 401, headers={"X-Debug": SECRET.decode()})
        return "", 401
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return "", 400
    if not isinstance(event, dict):
        return "", 400
    if FAULT == "only-render-events" and not str(event.get("eventType")).startswith("render."):
        return "", 400
    return "", 200


app.run(port=int(os.environ["PORT"]))
