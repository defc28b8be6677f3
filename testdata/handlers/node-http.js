// A handler of Stripe's webhooks on Node's http alone. FAULT names the one
// thing that is wrong with it; without, it is right.
'use strict';

const crypto = require('node:crypto');
const http = require('node:http');

const secret = process.env.WEBHOOK_SECRET;
const fault = (name) => process.env.FAULT === name;
const seen = new Set();
const believed = new Set();
let open = 0;

function isGenuine(header, body) {
  if (fault('throws-without-header')) header.split(','); // undefined has no split
  const elements = (header ?? '').split(',');
  const timestamp = elements.find((e) => e.startsWith('t='))?.slice(2) ?? '';
  if (!fault('no-age')) {
    const age = Date.now() / 1000 - Number(timestamp);
    if (!((fault('future') ? age : Math.abs(age)) <= 300)) return false;
  }
  const expected = 'v1=' + crypto.createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest('hex');
  if (fault('first-signature')) return equal(elements[1] ?? '', expected);
  if (fault('remembers-signatures') && believed.has(header)) return true; // "it was right before"
  const genuine = elements.some((e) => e.startsWith('v1=') && equal(e, expected));
  if (genuine) believed.add(header);
  return genuine;
}

function equal(a, b) {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  if (fault('throws-on-length')) return crypto.timingSafeEqual(x, y);
  if (fault('half-is-enough')) return a.length > 3 && b.startsWith(a);
  return x.length === y.length && crypto.timingSafeEqual(x, y);
}

function receive(req, body) {
  const genuine = isGenuine(req.headers['stripe-signature'], body);
  if (!genuine) return fault('always-200') ? 200 : 401;
  let event;
  try {
    event = JSON.parse(body);
  } catch {
    return fault('bad-json-500') ? 500 : 400;
  }
  if (fault('unguarded')) console.log(event.data.object.id); // null has no data
  const again = seen.has(event?.id);
  seen.add(event?.id);
  if (again && fault('duplicate-409')) return 409;
  return 200;
}

http
  .createServer((req, res) => {
    const answer = (status, text = '') => res.writeHead(status, { 'Content-Type': 'text/plain' }).end(text);
    if (fault('redirects')) return res.writeHead(308, { Location: `${req.url}/` }).end();
    if (req.method === 'GET' && fault('says-hello')) return answer(200, 'hello');
    if (req.method !== 'POST') return answer(405);
    if (fault('wants-length') && !req.headers['content-length']) return answer(411);
    open += 1;
    const chunks = [];
    req.on('data', (chunk) => chunks.push(chunk));
    req.on('end', () => {
      // A throw in here is nobody's to catch: it ends the process.
      const status = receive(req, Buffer.concat(chunks));
      const busy = fault('no-room') && open > 20;
      const wait = fault('slow') ? 3000 : fault('no-room') ? 300 : 0; // "work" before the answer
      setTimeout(() => {
        open -= 1;
        answer(busy ? 503 : status);
      }, wait);
    });
  })
  .listen(Number(process.env.PORT), '127.0.0.1');
