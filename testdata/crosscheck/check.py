"""Reads one request a line, {"provider", "headers", "body_base64"}, and
answers each with one line, true or false: is it genuine?
"""

import base64
import json
import os
import sys

from verify import PROVIDERS

for line in sys.stdin:
    request = json.loads(line)
    genuine = PROVIDERS[request["provider"]](
        base64.b64decode(request["body_base64"]),
        request["headers"],
        os.environ["WEBHOOK_SECRET"],
    )
    print("true" if genuine else "false", flush=True)
