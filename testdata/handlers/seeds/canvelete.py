# Canvelete's documentation, "Verify in Python", word for word.
import os  # ours

from flask import Flask, request  # ours

app = Flask(__name__)  # ours
WEBHOOK_SECRET = os.environ["WEBHOOK_SECRET"]  # ours

import hmac
import hashlib
 
def verify_webhook(payload: str, signature: str, secret: str) -> bool:
    expected = hmac.new(
        secret.encode(),
        payload.encode(),
        hashlib.sha256
    ).hexdigest()
    return f"sha256={expected}" == signature
 
# Flask example
@app.route('/webhooks/canvelete', methods=['POST'])
def handle_webhook():
    signature = request.headers.get('X-Canvelete-Signature')
    payload = request.get_data(as_text=True)
    
    if not verify_webhook(payload, signature, WEBHOOK_SECRET):
        return 'Invalid signature', 401
    
    data = request.json
    print(f"Received {data['eventType']}: {data['data']}")
    
    return 'OK', 200

app.run(port=int(os.environ["PORT"]))  # ours
