// Code, content, customers and files.
import { hmac, seconds } from './recipe.mjs';

// hubspot makes the entry of one of its three versions.
function hubspot(version, header) {
  const options = ({ method, url, text, headers, secret }) => ({
    method,
    url,
    signatureVersion: version,
    requestBody: text,
    clientSecret: secret,
    signature: headers[header],
    timestamp: version === 'v3' ? Number(headers['x-hubspot-request-timestamp']) : undefined,
  });
  return {
    async verify(request) {
      const { Signature } = await import('@hubspot/api-client');
      return Signature.isValid(options(request));
    },
    async sign(request) {
      const { Signature } = await import('@hubspot/api-client');
      const stamp = version === 'v3' ? { 'x-hubspot-request-timestamp': `${request.at}` } : {};
      const signed = options({ ...request, headers: { ...request.headers, ...stamp } });
      return { headers: { ...stamp, [header]: Signature.getSignature(request.method, version, signed) } };
    },
  };
}

// target is what of an address is in the first line of a request.
function target(url) {
  const { pathname, search } = new URL(url);
  return pathname + search;
}

const github = {
  async verify({ text, headers, secret }) {
    const { verify } = await import('@octokit/webhooks-methods');
    return verify(secret, text, headers['x-hub-signature-256']);
  },
  async sign({ text, secret }) {
    const { sign } = await import('@octokit/webhooks-methods');
    const sha1 = `sha1=${hmac('sha1', secret, text)}`;
    return { headers: { 'x-hub-signature-256': await sign(secret, text), 'x-hub-signature': sha1 } };
  },
};

export const libraries = {
  github,

  // The library that hands events to functions; it wants their names and ids.
  'github-app': {
    async verify({ text, headers, secret }) {
      const { Webhooks } = await import('@octokit/webhooks');
      const webhooks = new Webhooks({ secret });
      let seen = false;
      webhooks.onAny(() => {
        seen = true;
      });
      await webhooks.verifyAndReceive({
        id: headers['x-github-delivery'],
        name: headers['x-github-event'],
        signature: headers['x-hub-signature-256'],
        payload: text,
      });
      return seen;
    },
    sign: github.sign,
  },

  'hubspot-v1': hubspot('v1', 'x-hubspot-signature'),
  'hubspot-v2': hubspot('v2', 'x-hubspot-signature'),
  'hubspot-v3': hubspot('v3', 'x-hubspot-signature-v3'),

  hygraph: {
    async verify({ text, headers, secret }) {
      const { verifyWebhookSignature } = await import('@hygraph/utils');
      return verifyWebhookSignature({ rawPayload: text, signature: headers['gcms-signature'], secret });
    },
    async sign({ text, secret }) {
      const { generateWebhookSignature } = await import('@hygraph/utils');
      return { headers: { 'gcms-signature': generateWebhookSignature({ rawPayload: text, secret }) } };
    },
  },

  contentful: {
    async verify({ method, url, headers, text, secret }) {
      const { verifyRequest } = await import('@contentful/node-apps-toolkit');
      return verifyRequest(secret, { method, path: target(url), headers, body: text });
    },
    async sign({ method, url, text, secret, at }) {
      const { signRequest } = await import('@contentful/node-apps-toolkit');
      return { headers: { ...signRequest(secret, { method, path: target(url), headers: {}, body: text }, at) } };
    },
  },

  sanity: {
    async verify({ text, headers, secret }) {
      const { assertValidRequest } = await import('@sanity/webhook');
      await assertValidRequest({ headers, body: text }, secret);
      return true;
    },
    async sign({ text, secret, at }) {
      const { encodeSignatureHeader } = await import('@sanity/webhook');
      return { headers: { 'sanity-webhook-signature': await encodeSignatureHeader(text, at, secret) } };
    },
  },

  webflow: {
    async verify({ text, headers, secret }) {
      const { WebflowClient } = await import('webflow-api');
      return new WebflowClient({ accessToken: 'not-used' }).webhooks.verifySignature({ headers, body: text, secret });
    },
    async sign({ text, secret, at }) {
      return { headers: { 'x-webflow-timestamp': `${at}`, 'x-webflow-signature': hmac('sha256', secret, `${at}:${text}`) } };
    },
  },

  notion: {
    async verify({ text, headers, secret }) {
      const { verifyWebhookSignature } = await import('@notionhq/client');
      return verifyWebhookSignature({ body: text, signature: headers['x-notion-signature'], verificationToken: secret });
    },
    async sign({ text, secret }) {
      const { signWebhookPayload } = await import('@notionhq/client');
      return { headers: { 'x-notion-signature': await signWebhookPayload({ body: text, verificationToken: secret }) } };
    },
  },

  linear: {
    async verify({ body, headers, secret }) {
      const { LinearWebhookClient } = await import('@linear/sdk/webhooks');
      return typeof new LinearWebhookClient(secret).parseData(body, headers['linear-signature']).action === 'string';
    },
    async sign({ text, secret, at }) {
      const body = JSON.stringify({ ...JSON.parse(text), webhookTimestamp: at });
      return { headers: { 'linear-signature': hmac('sha256', secret, body) }, body };
    },
  },

  box: {
    async verify({ text, headers, secret }) {
      const { WebhooksManager } = await import('box-node-sdk/lib/managers/webhooks');
      return WebhooksManager.validateMessage(text, headers, secret);
    },
    async sign({ text, headers, secret, at }) {
      const { computeWebhookSignature } = await import('box-node-sdk/lib/internal/utils');
      const stamped = { ...headers, 'box-delivery-timestamp': new Date(at).toISOString() };
      return {
        headers: {
          'box-delivery-timestamp': stamped['box-delivery-timestamp'],
          'box-signature-primary': await computeWebhookSignature(text, stamped, secret, false),
        },
      };
    },
  },

  mux: {
    async verify({ text, headers, secret }) {
      const { default: Mux } = await import('@mux/mux-node');
      const mux = new Mux({ tokenId: 'not-used', tokenSecret: 'not-used' });
      return typeof (await mux.webhooks.unwrap(text, headers, secret)).type === 'string';
    },
    async sign({ text, secret, at }) {
      const { default: Mux } = await import('@mux/mux-node');
      const mux = new Mux({ tokenId: 'not-used', tokenSecret: 'not-used' });
      const v1 = await mux.webhooks.computeSignature(`${seconds(at)}.${text}`, secret);
      return { headers: { 'mux-signature': `t=${seconds(at)},v1=${v1}` } };
    },
  },

  cloudinary: {
    async verify({ text, headers, secret }) {
      const { v2: cloudinary } = await import('cloudinary');
      cloudinary.config({ cloud_name: 'not-used', api_key: 'not-used', api_secret: secret });
      const { 'x-cld-timestamp': timestamp, 'x-cld-signature': signature } = headers;
      return cloudinary.utils.verifyNotificationSignature(text, Number(timestamp), signature);
    },
    async sign({ text, secret, at }) {
      const { v2: cloudinary } = await import('cloudinary');
      const options = { api_secret: secret };
      const signature = cloudinary.utils.webhook_signature(text, seconds(at), options);
      return { headers: { 'x-cld-timestamp': `${seconds(at)}`, 'x-cld-signature': signature } };
    },
  },

  // Its documentation verifies the token by this library.
  monday: {
    async verify({ headers, secret }) {
      const { default: jwt } = await import('jsonwebtoken');
      return typeof jwt.verify(headers.authorization, secret).aud === 'string';
    },
    async sign({ url, secret, at }) {
      const { default: jwt } = await import('jsonwebtoken');
      const claims = { aud: url, iat: seconds(at), exp: seconds(at) + 300 };
      return { headers: { authorization: jwt.sign(claims, secret, { algorithm: 'HS256' }) } };
    },
  },

  'jira-connect': {
    async verify({ method, url, headers, secret }) {
      const { default: jwt } = await import('atlassian-jwt');
      const claims = jwt.decodeSymmetric(headers.authorization.replace(/^JWT /, ''), secret, 'HS256');
      return claims.qsh === jwt.createQueryStringHash(jwt.fromMethodAndUrl(method, target(url)));
    },
    async sign({ method, url, secret, at }) {
      const { default: jwt } = await import('atlassian-jwt');
      const qsh = jwt.createQueryStringHash(jwt.fromMethodAndUrl(method, target(url)));
      const claims = { iss: 'client-key', qsh, iat: seconds(at), exp: seconds(at) + 180 };
      return { headers: { authorization: `JWT ${jwt.encodeSymmetric(claims, secret, 'HS256')}` } };
    },
  },

  // It verifies what it parsed and wrote again.
  smartcar: {
    async verify({ text, headers, secret }) {
      const { default: smartcar } = await import('smartcar');
      return smartcar.verifyPayload(secret, headers['sc-signature'], JSON.parse(text));
    },
    async sign({ text, secret }) {
      const { default: smartcar } = await import('smartcar');
      return { headers: { 'sc-signature': smartcar.hashChallenge(secret, text) } };
    },
  },

  // So does it.
  workos: {
    async verify({ text, headers, secret }) {
      const { WorkOS } = await import('@workos-inc/node');
      const workos = new WorkOS('sk_not_used');
      const event = await workos.webhooks.constructEvent({
        payload: JSON.parse(text),
        sigHeader: headers['workos-signature'],
        secret,
      });
      return typeof event.event === 'string';
    },
    async sign({ text, secret, at }) {
      const { WorkOS } = await import('@workos-inc/node');
      const v1 = await new WorkOS('sk_not_used').webhooks.computeSignature(at, JSON.parse(text), secret);
      return { headers: { 'workos-signature': `t=${at}, v1=${v1}` } };
    },
  },

  // CloudEvents are not signed; the library reads what is sent.
  cloudevents: {
    async verify({ text, headers }) {
      const { HTTP } = await import('cloudevents');
      return HTTP.toEvent({ headers, body: text }).validate();
    },
  },
};
