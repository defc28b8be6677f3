"""A handler of GitHub's webhooks on FastAPI. FAULT names the one thing that is
wrong with it; without, it is right.
"""

import hashlib
import hmac
import json
import os

import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

SECRET = os.environ["WEBHOOK_SECRET"].encode()
FAULT = os.environ.get("FAULT", "")

app = FastAPI()


class Event(BaseModel):
    zen: str  # which only the first event, a ping, has


def is_genuine(signature, body):
    expected = "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    if FAULT == "key-error":
        signature = dict(signature=signature)["signature"].split("=")[1]
        expected = expected.split("=")[1]
    return hmac.compare_digest(signature.encode(), expected.encode())


def judge(signature, body):
    if not is_genuine(signature, body):
        return Response("invalid signature", 401)
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return Response("not JSON", 400)
    if not isinstance(event, dict):
        return Response("not an object", 400)
    return Response("ok")


if FAULT == "model":

    @app.post("/webhooks/github")
    async def push(event: Event, request: Request):
        return judge(request.headers.get("X-Hub-Signature-256", ""), await request.body())

else:

    @app.post("/webhooks/github")
    async def webhook(request: Request):
        return judge(request.headers.get("X-Hub-Signature-256", ""), await request.body())


uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="critical")
