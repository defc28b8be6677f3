// An Express app that is integrated with providers as their documentation shows
// it, with its handlers mended: the raw body is verified, events are known by
// their id, and nothing is forgotten when an attempt fails. The APIs are those at
// EMULATOR_URL.
//
// It registers itself, prints one JSON object with its address, and then a line
// for each delivery: what it was, when it came (ms), how it was answered, and
// whether it was acted upon. The first two attempts of an event fail where its id
// begins with evt_fail. It ends when standard input does.
'use strict';

const crypto = require('crypto');
const express = require('express');
const verify = require('./verify.js');

const api = process.env.EMULATOR_URL;
const secrets = { canvelete: process.env.WEBHOOK_SECRET, shopify: process.env.WEBHOOK_SECRET };
const app = express();
const raw = express.raw({ type: '*/*', limit: '25mb' });

const attempts = new Map();
const seen = new Set();

function handle(provider, idOf, typeOf) {
  return (req, res) => {
    const at = Date.now();
    if (!verify[provider](req.body, req.headers, secrets[provider])) {
      console.log(JSON.stringify({ provider, at, status: 401 }));
      return res.status(401).send('Invalid signature');
    }
    const event = JSON.parse(req.body);
    const id = idOf(event);
    const attempt = (attempts.get(id) ?? 0) + 1;
    attempts.set(id, attempt);
    const status = String(id).startsWith('evt_fail') && attempt <= 2 ? 500 : 200;
    const acted = status === 200 && !seen.has(id);
    if (acted) {
      seen.add(id);
    }
    res.status(status).send(status === 200 ? 'OK' : 'not yet');
    console.log(JSON.stringify({ provider, id, type: typeOf(event), at, status, acted, download: event.data?.downloadUrl }));
    return undefined;
  };
}

app.post('/webhook', raw, handle('generic', (e) => e.id, (e) => e.type));
app.post('/webhook/sketchpen', raw, handle('sketchpen', (e) => e.video_id, (e) => e.event));
app.post('/webhooks/canvelete', raw, handle('canvelete', (e) => e.eventId, (e) => e.eventType));

class RenderError extends Error {}

async function render({ templateId, ...input }) {
  const response = await fetch(`${api}/v1/render/design/${templateId}`, {
    method: 'POST',
    headers: { Authorization: 'Bearer YOUR_API_KEY', 'Content-Type': 'application/json' },
    body: JSON.stringify(input),
  });
  const result = await response.json();
  if (!result.success) {
    throw Object.assign(new RenderError(result.error.message), result.error);
  }
  return result.data;
}

app.post('/shopify/product-created', raw, async (req, res) => {
  const hmac = crypto.createHmac('sha256', secrets.shopify).update(req.body).digest();
  const sent = Buffer.from(req.headers['x-shopify-hmac-sha256'] ?? '', 'base64');
  if (sent.length !== hmac.length || !crypto.timingSafeEqual(sent, hmac)) {
    return res.status(401).send('Invalid signature');
  }
  const product = JSON.parse(req.body);
  const card = await render({
    templateId: 'product_card',
    format: 'png',
    dynamicData: { name: product.title, price: `$${product.variants[0].price}`, image: product.images[0]?.src },
  });
  const social = await render({
    templateId: 'product_social',
    format: 'png',
    width: 1200,
    height: 630,
    dynamicData: { name: product.title, description: product.body_html?.substring(0, 100) },
  });
  let failure;
  try {
    await render({ templateId: 'missing_template', format: 'png' });
  } catch (error) {
    failure = error.code;
  }
  return res.status(200).json({ product: product.id, card_image: card.downloadUrl, og_image: social.downloadUrl, failure });
});

async function call(path, body, headers = {}) {
  const response = await fetch(api + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok) {
    throw new Error(`${path}: ${response.status} ${await response.text()}`);
  }
  return response.json();
}

const server = app.listen(0, '127.0.0.1', async () => {
  const own = `http://127.0.0.1:${server.address().port}`;
  secrets.generic = (await call('/v1/webhooks', { url: `${own}/webhook`, events: ['user.created', 'project.created'] })).secret;
  secrets.sketchpen = (await call('/api/v1/callbacks', { url: `${own}/webhook/sketchpen`, event: 'video.completed' }, { 'X-Api-Key': 'sk_live' })).secret;
  // Its endpoints are registered in a dashboard.
  await call('/_hooks/endpoints', { provider: 'canvelete', url: `${own}/webhooks/canvelete`, secret: secrets.canvelete });
  console.log(JSON.stringify({ address: own }));
});

process.stdin.resume().on('end', () => process.exit(0));
