// Sketchpen's documentation, "Verifying Signatures", word for word. It shows a
// function and no app: the app is ours.
const crypto = require('crypto');

function verifySignature(payloadStr, signatureHeader, timestampHeader, secret) {
  const message = `${timestampHeader}.${payloadStr}`;
  const expected = crypto
    .createHmac('sha256', secret)
    .update(message)
    .digest('hex');
    
  const expectedSig = `sha256=${expected}`;
  return crypto.timingSafeEqual(
    Buffer.from(signatureHeader),
    Buffer.from(expectedSig)
  );
}

const express = require('express');
const app = express();
app.post('/webhook', express.text({ type: () => true }), (req, res) => {
  const payload = typeof req.body === 'string' ? req.body : '';
  const { 'x-sketchpen-signature': signature, 'x-sketchpen-timestamp': timestamp } = req.headers;
  if (!verifySignature(payload, signature, timestamp, process.env.WEBHOOK_SECRET)) {
    return res.status(401).send('Invalid signature');
  }
  res.status(200).send('OK');
});
app.listen(Number(process.env.PORT), '127.0.0.1');
