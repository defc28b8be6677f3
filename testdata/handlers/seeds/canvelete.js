// Canvelete's documentation, "Verify in Node.js", word for word.
const express = require('express'); // ours
const app = express(); // ours
app.use(express.json()); // ours: req.body is what it makes
app.listen(Number(process.env.PORT), '127.0.0.1'); // ours

const crypto = require('crypto');
 
function verifyWebhook(payload, signature, secret) {
  const expectedSignature = crypto
    .createHmac('sha256', secret)
    .update(payload)
    .digest('hex');
  
  return `sha256=${expectedSignature}` === signature;
}
 
// Express middleware
app.post('/webhooks/canvelete', (req, res) => {
  const signature = req.headers['x-canvelete-signature'];
  const payload = JSON.stringify(req.body);
  
  if (!verifyWebhook(payload, signature, process.env.WEBHOOK_SECRET)) {
    return res.status(401).send('Invalid signature');
  }
  
  // Process webhook
  const { eventType, data } = req.body;
  console.log(`Received ${eventType}:`, data);
  
  res.status(200).send('OK');
});
