// The verification functions that the four providers document, as their users
// paste them. One thing is mended: payload is the body's raw bytes, where the
// documentation of two of them hands over JSON that was parsed and written
// again. LoopCanvas documents Python only; its function is that one, in Node.
'use strict';

const crypto = require('crypto');

function canvelete(payload, headers, secret) {
  const expectedSignature = crypto
    .createHmac('sha256', secret)
    .update(payload)
    .digest('hex');

  return `sha256=${expectedSignature}` === headers['x-canvelete-signature'];
}

function loopcanvas(payload, headers, secret) {
  const expected = crypto
    .createHmac('sha256', secret)
    .update(payload)
    .digest('hex');

  return equal(headers['x-signature'], `sha256=${expected}`);
}

function generic(payload, headers, secret) {
  const hmac = crypto
    .createHmac('sha256', secret)
    .update(payload)
    .digest('hex');

  return equal(headers['x-webhook-signature'], hmac);
}

function sketchpen(payload, headers, secret) {
  const timestamp = headers['x-sketchpen-timestamp'];
  const expected = crypto
    .createHmac('sha256', secret)
    .update(Buffer.concat([Buffer.from(`${timestamp}.`), payload]))
    .digest('hex');

  return equal(headers['x-sketchpen-signature'], `sha256=${expected}`);
}

// crypto.timingSafeEqual throws where the lengths differ: that is a no here.
function equal(a, b) {
  const x = Buffer.from(a ?? '');
  const y = Buffer.from(b);
  return x.length === y.length && crypto.timingSafeEqual(x, y);
}

module.exports = { canvelete, loopcanvas, generic, sketchpen };
