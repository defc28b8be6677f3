// A handler of Sketchpen's webhooks on Express. FAULT names the one thing that
// is wrong with it; without, it is right.
'use strict';

const crypto = require('node:crypto');
const express = require('express');

const secret = process.env.WEBHOOK_SECRET;
const fault = (name) => process.env.FAULT === name;
const seen = new Set();

function sign(req, body) {
  const content = Buffer.concat([Buffer.from(`${req.get('X-Sketchpen-Timestamp')}.`), Buffer.from(fault('latin1') ? body.toString('latin1') : body)]);
  return 'sha256=' + crypto.createHmac('sha256', secret).update(content).digest('hex');
}

function isGenuine(req, body) {
  const timestamp = req.get('X-Sketchpen-Timestamp') ?? '';
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= 300)) return false;
  const expected = sign(req, body);
  const signature = req.get('X-Sketchpen-Signature') ?? '';
  // Wrong, but nothing that an answer shows: it takes longer the more is right.
  if (fault('compares-as-text')) return signature === expected;
  const [x, y] = [Buffer.from(signature), Buffer.from(expected)];
  return x.length === y.length && crypto.timingSafeEqual(x, y);
}

const app = express();

let read = express.raw({ type: () => true, limit: '10mb' });
if (fault('serialises-again')) read = express.json({ limit: '10mb' }); // and JSON.stringify below
if (fault('small-limit')) read = express.raw({ type: () => true }); // 100 kB
// Not wrong: the bytes are kept while the JSON is parsed.
if (fault('keeps-raw-body')) read = express.json({ verify: (req, res, buf) => (req.raw = buf) });

app.post('/webhook', read, (req, res) => {
  let body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
  if (fault('serialises-again')) body = JSON.stringify(req.body ?? '');
  if (fault('keeps-raw-body')) body = req.raw ?? body;
  if (fault('parses-first')) JSON.parse(body.toString()); // Express answers a throw with 500
  if (fault('wants-plain-type') && req.get('Content-Type') !== 'application/json') return res.sendStatus(415);
  if (!isGenuine(req, body)) return res.status(401).send(fault('tells-signature') ? `expected ${sign(req, body)}` : 'no');
  let event;
  try {
    event = JSON.parse(body.toString());
  } catch {
    return res.sendStatus(400);
  }
  if (fault('unguarded') && event.data.id === '') return res.sendStatus(400);
  if (fault('known-events-only') && !['video.completed', 'video.failed'].includes(event?.event)) return res.sendStatus(422);
  if (fault('known-fields-only') && Object.keys(event ?? {}).some((k) => !['event', 'video_id', 'data', 'created_at'].includes(k))) {
    return res.sendStatus(422);
  }
  if (fault('duplicate-409') && seen.has(event?.video_id)) return res.sendStatus(409);
  seen.add(event?.video_id);
  return res.sendStatus(200);
});

app.all('/webhook', (req, res) => res.sendStatus(405));
app.listen(Number(process.env.PORT), '127.0.0.1');
