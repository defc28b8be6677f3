"""A handler of Sketchpen's webhooks on Python's http.server alone. FAULT names
the one thing that is wrong with it; without, it is right.
"""

import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ["WEBHOOK_SECRET"].encode()
FAULT = os.environ.get("FAULT", "")


def is_genuine(headers, body):
    signature = headers.get("X-Sketchpen-Signature", "")
    timestamp = headers.get("X-Sketchpen-Timestamp", "")
    if FAULT == "header-case":
        signature = dict(headers.items()).get("X-Sketchpen-Signature", "")
    if FAULT == "unsigned-passes" and not signature:
        return True
    try:
        # The time that is signed counts, not one that the event tells.
        at = json.loads(body)["created_at"] if FAULT == "age-of-event" else timestamp
        if abs(time.time() - int(at)) > 300:
            return False
    except (ValueError, OverflowError, TypeError, KeyError, RecursionError):
        return False
    content = timestamp.encode() + b"." + body
    expected = "sha256=" + hmac.new(SECRET, content, hashlib.sha256).hexdigest()
    if FAULT == "also-sha1":
        weak = hmac.new(SECRET, content, hashlib.sha1).hexdigest()
        if signature in ("sha1=" + weak, "sha256=" + weak):
            return True
    if FAULT == "also-unkeyed" and signature == "sha256=" + hashlib.sha256(content).hexdigest():
        return True
    if FAULT == "first-16":
        return hmac.compare_digest(signature[:16].encode(), expected[:16].encode())
    if FAULT == "begins-with":
        return expected.startswith(signature)
    return hmac.compare_digest(signature.encode(), expected.encode())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def read_body(self):
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked" or FAULT == "no-chunks":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_POST(self):
        # What is thrown in here closes the connection without an answer.
        body = self.read_body()
        if not is_genuine(self.headers, body):
            return self.answer(500 if FAULT == "refuses-with-500" else 401)
        try:
            event = json.loads(body)
        except ValueError:
            return self.answer(400)
        except RecursionError:
            if FAULT == "deep-json":
                raise
            return self.answer(400)
        if FAULT == "key-error":
            print(event["event"])
        return self.answer(200)

    def do_GET(self):
        self.answer(405)

    def do_PUT(self):
        self.read_body()
        self.answer(405)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True


Server(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
