// Payments, shops and billing.
import { Readable } from 'node:stream';

import { hmac, keyPair, hash, seconds } from './recipe.mjs';

// items are the parts of an Adyen notification, each signed on its own.
const items = (text) => JSON.parse(text).notificationItems.map((item) => item.NotificationRequestItem);

async function verifyShopify({ headers, text, secret, url }) {
  await import('@shopify/shopify-api/adapters/node');
  const { shopifyApi } = await import('@shopify/shopify-api');
  const shopify = shopifyApi({
    apiKey: 'not-used',
    apiSecretKey: secret,
    apiVersion: headers['x-shopify-api-version'] ?? headers['shopify-api-version'],
    hostName: 'example.com',
    isEmbeddedApp: false,
    logger: { log: () => {} },
  });
  const rawRequest = Object.assign(Readable.from([]), { headers, method: 'POST', url: new URL(url).pathname });
  const found = await shopify.webhooks.validate({ rawBody: text, rawRequest, rawResponse: {} });
  if (!found.valid) throw new Error(`${found.reason} ${found.missingHeaders ?? ''}`);
  return true;
}

export const libraries = {
  stripe: {
    async verify({ text, headers, secret }) {
      const { default: Stripe } = await import('stripe');
      return Stripe.webhooks.constructEvent(text, headers['stripe-signature'], secret).object === 'event';
    },
    async sign({ text, secret, at }) {
      const { default: Stripe } = await import('stripe');
      const header = Stripe.webhooks.generateTestHeaderString({ payload: text, secret, timestamp: seconds(at) });
      return { headers: { 'stripe-signature': header } };
    },
  },

  shopify: {
    verify: verifyShopify,
    async sign({ body, secret }) {
      return { headers: { 'x-shopify-hmac-sha256': hmac('sha256', secret, body, 'base64') } };
    },
  },

  // The headers of subscriptions to events, which replace the others.
  'shopify-events': {
    verify: verifyShopify,
    async sign({ headers, body, secret }) {
      const all = {};
      for (const [name, value] of Object.entries(headers)) {
        if (!name.startsWith('x-shopify-')) continue;
        all[name] = '';
        all[name.slice('x-'.length)] = value;
      }
      return { headers: { ...all, 'shopify-hmac-sha256': hmac('sha256', secret, body, 'base64') } };
    },
  },

  square: {
    async verify({ text, headers, secret, url }) {
      const { WebhooksHelper } = await import('square');
      return WebhooksHelper.verifySignature({
        requestBody: text,
        signatureHeader: headers['x-square-hmacsha256-signature'],
        signatureKey: secret,
        notificationUrl: url,
      });
    },
    async sign({ text, secret, url }) {
      return { headers: { 'x-square-hmacsha256-signature': hmac('sha256', secret, url + text, 'base64') } };
    },
  },

  'paddle-billing': {
    async verify({ text, headers, secret }) {
      const { Paddle } = await import('@paddle/paddle-node-sdk');
      const event = await new Paddle('not-used').webhooks.unmarshal(text, secret, headers['paddle-signature']);
      return typeof event.eventType === 'string';
    },
    async sign({ text, secret, at }) {
      const h1 = hmac('sha256', secret, `${seconds(at)}:${text}`);
      return { headers: { 'paddle-signature': `ts=${seconds(at)};h1=${h1}` } };
    },
  },

  razorpay: {
    async verify({ text, headers, secret }) {
      const { default: Razorpay } = await import('razorpay');
      return Razorpay.validateWebhookSignature(text, headers['x-razorpay-signature'], secret);
    },
    async sign({ text, secret }) {
      return { headers: { 'x-razorpay-signature': hmac('sha256', secret, text) } };
    },
  },

  adyen: {
    async verify({ text, secret }) {
      const { hmacValidator: Validator } = await import('@adyen/api-library');
      const all = items(text);
      return all.length > 0 && all.every((item) => new Validator().validateHMAC(item, secret));
    },
    async sign({ text, secret }) {
      const { hmacValidator: Validator } = await import('@adyen/api-library');
      const notification = JSON.parse(text);
      for (const { NotificationRequestItem: item } of notification.notificationItems) {
        item.additionalData.hmacSignature = new Validator().calculateHmac(item, secret);
      }
      return { headers: {}, body: JSON.stringify(notification) };
    },
  },

  'adyen-platform': {
    async verify({ text, headers, secret }) {
      const { hmacValidator: Validator } = await import('@adyen/api-library');
      return new Validator().validateHMACSignature(secret, headers.hmacsignature, text);
    },
    async sign({ text, secret }) {
      const { hmacValidator: Validator } = await import('@adyen/api-library');
      return { headers: { hmacsignature: new Validator().calculateHmac(text, secret) } };
    },
  },

  'coinbase-commerce': {
    async verify({ text, headers, secret }) {
      const { default: coinbase } = await import('coinbase-commerce-node');
      const event = coinbase.Webhook.verifyEventBody(text, headers['x-cc-webhook-signature'], secret);
      return typeof event.type === 'string';
    },
    async sign({ text, secret }) {
      const { default: coinbase } = await import('coinbase-commerce-node');
      return { headers: { 'x-cc-webhook-signature': coinbase.Webhook.computeSignature(text, secret) } };
    },
  },

  'modern-treasury': {
    async verify({ text, headers, secret }) {
      const { default: ModernTreasury } = await import('modern-treasury');
      const client = new ModernTreasury({ apiKey: 'not-used', organizationID: 'not-used' });
      return client.webhooks.validateSignature(text, headers, { key: secret });
    },
    async sign({ text, secret }) {
      const { default: ModernTreasury } = await import('modern-treasury');
      const client = new ModernTreasury({ apiKey: 'not-used', organizationID: 'not-used' });
      return { headers: { 'x-signature': client.webhooks.getSignature(text, { key: secret }) } };
    },
  },

  orb: {
    async verify({ text, headers, secret }) {
      const { default: Orb } = await import('orb-billing');
      return typeof new Orb({ apiKey: 'not-used' }).webhooks.unwrap(text, headers, secret).type === 'string';
    },
    async sign({ text, secret, at }) {
      const { default: Orb } = await import('orb-billing');
      const timestamp = new Date(at).toISOString().slice(0, -1);
      const signature = new Orb({ apiKey: 'not-used' }).webhooks.signPayload(text, { timestamp, secret });
      return { headers: { 'x-orb-timestamp': timestamp, 'x-orb-signature': signature } };
    },
  },

  worldline: {
    async verify({ body, headers, secret }) {
      const { webhooks } = await import('onlinepayments-sdk-nodejs');
      const store = { getSecretKey: async () => secret };
      return (await webhooks.init(store).unmarshal(body, headers)).apiVersion === 'v1';
    },
    async sign({ body, secret }) {
      return { headers: { 'x-gcs-signature': hmac('sha256', secret, body, 'base64') } };
    },
  },

  cashfree: {
    async verify({ text, headers, secret }) {
      const { Cashfree, CFEnvironment } = await import('cashfree-pg');
      const cashfree = new Cashfree(CFEnvironment.SANDBOX, 'not-used', secret);
      const { 'x-webhook-signature': signature, 'x-webhook-timestamp': timestamp } = headers;
      return typeof cashfree.PGVerifyWebhookSignature(signature, text, timestamp).type === 'string';
    },
    async sign({ text, secret, at }) {
      const signature = hmac('sha256', secret, `${at}${text}`, 'base64');
      return { headers: { 'x-webhook-timestamp': `${at}`, 'x-webhook-signature': signature } };
    },
  },

  gocardless: {
    async verify({ text, headers, secret }) {
      const { parse } = await import('gocardless-nodejs/webhooks');
      return parse(text, secret, headers['webhook-signature']).length > 0;
    },
    async sign({ text, secret }) {
      return { headers: { 'webhook-signature': hmac('sha256', secret, text) } };
    },
  },

  // Plaid has no verifier: its documentation shows this one.
  plaid: {
    async verify({ body, headers, secret }) {
      const { jwtVerify, importSPKI, decodeProtectedHeader } = await import('jose');
      const token = headers['plaid-verification'];
      const { alg, kid } = decodeProtectedHeader(token);
      if (alg !== 'ES256' || typeof kid !== 'string') throw new Error('not a token of Plaid');
      const { payload } = await jwtVerify(token, await importSPKI(secret, 'ES256'), { maxTokenAge: '5 min' });
      return payload.request_body_sha256 === hash('sha256', body);
    },
    async sign({ body, at }) {
      const { SignJWT } = await import('jose');
      const { privateKey, pem } = keyPair('ec', { namedCurve: 'P-256' });
      const token = await new SignJWT({ request_body_sha256: hash('sha256', body) })
        .setProtectedHeader({ alg: 'ES256', kid: 'bfbd5111-8e33-4643-8ced-b2e642a72f3c', typ: 'JWT' })
        .setIssuedAt(seconds(at))
        .sign(privateKey);
      return { headers: { 'plaid-verification': token }, secret: pem };
    },
  },
};
