# LoopCanvas's documentation, "Verify signatures", word for word.
import os  # ours

from flask import Flask, request  # ours

app = Flask(__name__)  # ours
WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"]  # ours

import hmac
import hashlib

def verify_signature(payload, signature, secret):
    expected = hmac.new(
        secret.encode(),
        payload.encode(),
        hashlib.sha256
    ).hexdigest()
    return hmac.compare_digest(f"sha256={expected}", signature)

@app.route("/webhooks/loopcanvas", methods=["POST"])
def handle_webhook():
    signature = request.headers.get("X-Signature")
    if not verify_signature(request.data.decode(), signature, WEBHOOK_SECRET):
        return "Invalid signature", 401

    # Process event...
    return "", 200  # from its first example: the documentation leaves it out here

app.run(port=int(os.environ["PORT"]))  # ours
