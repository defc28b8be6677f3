"""One Flask app a provider, each on a port of its own that the system
chooses. Prints one JSON object, provider to address, when all of them listen,
and ends when standard input does.
"""

import json
import logging
import os
import sys
import threading

from flask import Flask, request
from werkzeug.serving import make_server

from verify import PROVIDERS

SECRET = os.environ["WEBHOOK_SECRET"]
ROUTES = {
    "canvelete": ("/webhooks/canvelete", "eventType"),
    "loopcanvas": ("/webhooks/loopcanvas", "type"),
    "generic": ("/webhook", "type"),
    "sketchpen": ("/webhook", "event"),
}


def make_app(name, path, type_field):
    app = Flask(name)

    @app.route(path, methods=["POST"])
    def handle_webhook():
        headers = {key.lower(): value for key, value in request.headers.items()}
        if not PROVIDERS[name](request.get_data(), headers, SECRET):
            return "Invalid signature", 401
        return "OK " + request.get_json(force=True)[type_field], 200

    return app


logging.getLogger("werkzeug").setLevel(logging.ERROR)
addresses = {}
for name, (path, type_field) in ROUTES.items():
    server = make_server("127.0.0.1", 0, make_app(name, path, type_field), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    addresses[name] = f"http://127.0.0.1:{server.server_port}{path}"
print(json.dumps(addresses), flush=True)
sys.stdin.read()
