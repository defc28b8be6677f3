# Sketchpen's documentation, "Verifying Signatures", word for word. It shows a
# function and no app: the app is ours.
import hmac
import hashlib

def verify_signature(payload_str: str, signature_header: str, timestamp_header: str, secret: str) -> bool:
    message = f"{timestamp_header}.{payload_str}"
    expected = hmac.new(
        secret.encode('utf-8'),
        message.encode('utf-8'),
        hashlib.sha256
    ).hexdigest()
    
    expected_sig = f"sha256={expected}"
    return hmac.compare_digest(expected_sig, signature_header)

import os

from flask import Flask, request

app = Flask(__name__)

@app.route("/webhook", methods=["POST"])
def webhook():
    signature = request.headers.get("X-Sketchpen-Signature")
    timestamp = request.headers.get("X-Sketchpen-Timestamp")
    if not verify_signature(request.get_data(as_text=True), signature, timestamp, os.environ["WEBHOOK_SECRET"]):
        return "Invalid signature", 401
    return "OK", 200

app.run(port=int(os.environ["PORT"]))
