"""Reads one request a line, {"provider", "timestamp", "body_base64"}, and
answers each with one line: the headers of a sender that signs with Python's
hmac alone.
"""

import base64
import hmac
import json
import os
import sys

SECRET = os.environ["WEBHOOK_SECRET"].encode()

for line in sys.stdin:
    request = json.loads(line)
    body = base64.b64decode(request["body_base64"])
    timestamp = request["timestamp"]
    if request["provider"] == "sketchpen":
        body = timestamp.encode() + b"." + body
    mac = hmac.new(SECRET, body, "sha256").hexdigest()
    headers = {
        "canvelete": {"X-Canvelete-Signature": "sha256=" + mac},
        "loopcanvas": {"X-Signature": "sha256=" + mac},
        "generic": {"X-Webhook-Signature": mac},
        "sketchpen": {
            "X-Sketchpen-Signature": "sha256=" + mac,
            "X-Sketchpen-Timestamp": timestamp,
        },
    }[request["provider"]]
    print(json.dumps(headers), flush=True)
