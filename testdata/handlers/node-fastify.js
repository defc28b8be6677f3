// A handler of the generic webhooks on Fastify. FAULT names the one thing that
// is wrong with it; without, it is right.
'use strict';

const crypto = require('node:crypto');
const fastify = require('fastify');

const secret = process.env.WEBHOOK_SECRET;
const fault = (name) => process.env.FAULT === name;
let newest = 0;

function isGenuine(signature, body) {
  const expected = crypto.createHmac('sha256', secret).update(body).digest('hex');
  if (fault('throws-on-length')) return crypto.timingSafeEqual(Buffer.from(signature ?? ''), Buffer.from(expected));
  const [x, y] = [Buffer.from(signature ?? ''), Buffer.from(expected)];
  return x.length === y.length && crypto.timingSafeEqual(x, y);
}

const app = fastify({ bodyLimit: fault('large-500') ? 100 * 1024 : 10 * 1024 * 1024 });
if (!fault('parser')) {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (req, body, done) => done(null, body));
}
if (fault('large-500')) app.setErrorHandler((err, req, reply) => reply.code(500).send('failed'));

app.all('/webhook', async (req, reply) => {
  if (req.method !== 'POST') return reply.code(405).send();
  // With Fastify's own parser there are no bytes left, only what they meant.
  const body = fault('parser') ? JSON.stringify(req.body ?? '') : (req.body ?? Buffer.alloc(0));
  if (!isGenuine(req.headers['x-webhook-signature'], body)) return reply.code(401).send();
  let event;
  try {
    event = JSON.parse(body.toString());
  } catch {
    return reply.code(400).send();
  }
  const at = Date.parse(event?.created_at) || 0;
  if (fault('in-order-only') && at < newest - 60_000) return reply.code(409).send();
  newest = Math.max(newest, at);
  return reply.code(200).send('ok');
});

app.listen({ port: Number(process.env.PORT), host: '127.0.0.1' });
