"""A Flask app that is integrated with providers as their documentation shows it,
with its handlers mended: the raw body is verified, events are known by their
id, and nothing is forgotten when an attempt fails. The APIs are those at
EMULATOR_URL.

It registers itself, prints one JSON object with its address, and then a line
for each delivery: what it was, when it came (ms), how it was answered, and
whether it was acted upon. The first two attempts of an event fail where its id
begins with evt_fail. It ends when standard input does.
"""

import base64
import hashlib
import hmac
import json
import logging
import os
import sys
import threading
import time
import urllib.error
import urllib.request

from flask import Flask, jsonify, request
from werkzeug.serving import make_server

from verify import PROVIDERS

API = os.environ["EMULATOR_URL"]
SECRETS = {"canvelete": os.environ["WEBHOOK_SECRET"], "shopify": os.environ["WEBHOOK_SECRET"]}
lock = threading.Lock()
attempts = {}
seen = set()
app = Flask(__name__)


def handle(provider, id_field, type_field):
    at = time.time() * 1000
    headers = {key.lower(): value for key, value in request.headers.items()}
    if not PROVIDERS[provider](request.get_data(), headers, SECRETS[provider]):
        print(json.dumps({"provider": provider, "at": at, "status": 401}), flush=True)
        return "Invalid signature", 401
    event = request.get_json(force=True)
    event_id = event[id_field]
    with lock:
        attempts[event_id] = attempts.get(event_id, 0) + 1
        status = 500 if event_id.startswith("evt_fail") and attempts[event_id] <= 2 else 200
        acted = status == 200 and event_id not in seen
        if acted:
            seen.add(event_id)
        print(json.dumps({
            "provider": provider, "id": event_id, "type": event[type_field], "at": at, "status": status, "acted": acted,
            "download": event["data"].get("downloadUrl"),
        }), flush=True)
    return ("OK", 200) if status == 200 else ("not yet", 500)


@app.route("/webhook", methods=["POST"])
def webhook():
    return handle("generic", "id", "type")


@app.route("/webhook/sketchpen", methods=["POST"])
def sketchpen():
    return handle("sketchpen", "video_id", "event")


@app.route("/webhooks/canvelete", methods=["POST"])
def canvelete():
    return handle("canvelete", "eventId", "eventType")


def call(path, body, **headers):
    req = urllib.request.Request(
        API + path, json.dumps(body).encode(), {"Content-Type": "application/json", **headers}, method="POST"
    )
    with urllib.request.urlopen(req) as response:
        return json.load(response)


def render(design, **body):
    return call(f"/v1/render/design/{design}", body, Authorization="Bearer YOUR_API_KEY")["data"]


@app.route("/shopify/product-created", methods=["POST"])
def product_created():
    digest = hmac.new(SECRETS["shopify"].encode(), request.get_data(), hashlib.sha256).digest()
    if not hmac.compare_digest(base64.b64encode(digest).decode(), request.headers.get("X-Shopify-Hmac-Sha256", "")):
        return "Invalid signature", 401
    product = request.get_json(force=True)
    card = render("product_card", format="png", dynamicData={
        "name": product["title"], "price": f"${product['variants'][0]['price']}", "image": product["images"][0]["src"],
    })
    social = render("product_social", format="png", width=1200, height=630, dynamicData={
        "name": product["title"], "description": product["body_html"][:100],
    })
    failure = None
    try:
        render("missing_template", format="png")
    except urllib.error.HTTPError as error:
        failure = json.load(error)["error"]["code"]
    return jsonify(product=product["id"], card_image=card["downloadUrl"], og_image=social["downloadUrl"], failure=failure)


logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = make_server("127.0.0.1", 0, app, threaded=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
own = f"http://127.0.0.1:{server.server_port}"
SECRETS["generic"] = call("/v1/webhooks", {"url": f"{own}/webhook", "events": ["user.created", "project.created"]})["secret"]
SECRETS["sketchpen"] = call(
    "/api/v1/callbacks", {"url": f"{own}/webhook/sketchpen", "event": "video.completed"}, **{"X-Api-Key": "sk_live"}
)["secret"]
# Its endpoints are registered in a dashboard.
call("/_hooks/endpoints", {"provider": "canvelete", "url": f"{own}/webhooks/canvelete", "secret": SECRETS["canvelete"]})
print(json.dumps({"address": own}), flush=True)
sys.stdin.read()
