// Standard Webhooks and Svix, and the libraries that are built on them.
import { hmac, keyPair, seconds } from './recipe.mjs';
import crypto from 'node:crypto';

const unused = { apiKey: 'not-used' };

// standard signs as the specification says: by hand, for the libraries that
// cannot. How the key is made of the secret is the provider's.
function standard(prefix, keyOf = (secret) => Buffer.from(secret.replace(/^whsec_/, ''), 'base64')) {
  return ({ headers, body, secret, at }) => {
    const id = headers[`${prefix}-id`];
    const key = keyOf(secret);
    const content = Buffer.concat([Buffer.from(`${id}.${seconds(at)}.`), body]);
    return {
      headers: {
        [`${prefix}-timestamp`]: `${seconds(at)}`,
        [`${prefix}-signature`]: `v1,${hmac('sha256', key, content, 'base64')}`,
      },
    };
  };
}

// webhooks is the reference library, which some providers tell people to use
// as it is.
const webhooks = {
  async verify({ text, headers, secret }) {
    const { Webhook } = await import('standardwebhooks');
    new Webhook(secret.replace(/^v1,/, '')).verify(text, headers);
    return true;
  },
  async sign({ text, headers, secret, at }) {
    const { Webhook } = await import('standardwebhooks');
    const when = new Date(at);
    return {
      headers: {
        'webhook-timestamp': `${seconds(at)}`,
        'webhook-signature': new Webhook(secret.replace(/^v1,/, '')).sign(headers['webhook-id'], when, text),
      },
    };
  },
};

const svix = {
  async verify({ text, headers, secret }) {
    const { Webhook } = await import('svix');
    new Webhook(secret).verify(text, headers);
    return true;
  },
  async sign({ text, headers, secret, at }) {
    const { Webhook } = await import('svix');
    return {
      headers: {
        'svix-timestamp': `${seconds(at)}`,
        'svix-signature': new Webhook(secret).sign(headers['svix-id'], new Date(at), text),
      },
    };
  },
};

const clerk = {
  async verify({ url, headers, text, secret }) {
    const { verifyWebhook } = await import('@clerk/backend/webhooks');
    const request = new Request(url, { method: 'POST', headers, body: text });
    return typeof (await verifyWebhook(request, { signingSecret: secret })).type === 'string';
  },
  sign: svix.sign,
};

const openai = {
  async verify({ text, headers, secret }) {
    const { OpenAI } = await import('openai');
    const event = await new OpenAI({ ...unused, webhookSecret: secret }).webhooks.unwrap(text, headers);
    return typeof event.type === 'string';
  },
  sign: standard('webhook'),
};

const lithic = {
  async verify({ text, headers, secret }) {
    const { Lithic } = await import('lithic');
    return typeof new Lithic(unused).webhooks.unwrap(text, headers, secret).event_type === 'string';
  },
  sign: standard('webhook'),
};

const polar = {
  async verify({ text, headers, secret }) {
    const { validateEvent } = await import('@polar-sh/sdk/webhooks');
    return typeof validateEvent(text, headers, secret).type === 'string';
  },
  // The text of the secret is the key.
  sign: standard('webhook', (secret) => secret),
};

const replicate = {
  async verify({ text, headers, secret }) {
    const { validateWebhook } = await import('replicate');
    return validateWebhook({
      id: headers['webhook-id'],
      timestamp: headers['webhook-timestamp'],
      signature: headers['webhook-signature'],
      body: text,
      secret,
    });
  },
  sign: standard('webhook'),
};

const resend = {
  async verify({ text, headers, secret }) {
    const { Resend } = await import('resend');
    const event = new Resend('re_not_used').webhooks.verify({
      payload: text,
      headers: { id: headers['svix-id'], timestamp: headers['svix-timestamp'], signature: headers['svix-signature'] },
      webhookSecret: secret,
    });
    return typeof event.type === 'string';
  },
  sign: standard('svix'),
};

// HTTP message signatures of RFC 9421, by a library of the community.
const messageSignatures = {
  async verify({ method, url, headers, body, secret }) {
    const { httpbis, createVerifier } = await import('http-message-signatures');
    const digest = `sha-256=:${crypto.createHash('sha256').update(body).digest('base64')}:`;
    if (headers['content-digest'] !== digest) throw new Error('the digest is of another body');
    const verified = await httpbis.verifyMessage(
      { keyLookup: async () => ({ verify: createVerifier(secret, 'ed25519') }), maxAge: 300, tolerance: 0 },
      { method, url, headers },
    );
    return verified === true;
  },
  async sign({ method, url, headers, body, at }) {
    const { httpbis, createSigner } = await import('http-message-signatures');
    const { privateKey, pem } = keyPair('ed25519');
    const { signature, 'signature-input': input, ...rest } = headers;
    rest['content-digest'] = `sha-256=:${crypto.createHash('sha256').update(body).digest('base64')}:`;
    const signed = await httpbis.signMessage(
      {
        key: createSigner(privateKey, 'ed25519', 'key-1'),
        name: 'sig1',
        fields: ['@method', '@target-uri', 'content-digest'],
        params: ['created', 'keyid'],
        paramValues: { created: new Date(at) },
      },
      { method, url, headers: rest },
    );
    return {
      headers: {
        'content-digest': rest['content-digest'],
        signature: signed.headers.Signature ?? signed.headers.signature,
        'signature-input': signed.headers['Signature-Input'] ?? signed.headers['signature-input'],
      },
      secret: pem,
    };
  },
};

export const libraries = {
  'standard-webhooks': webhooks,
  'gitlab-signed': webhooks,
  'supabase-auth-hooks': webhooks,
  brex: webhooks,
  svix,
  clerk,
  lithic,
  openai,
  polar,
  replicate,
  resend,
  rfc9421: messageSignatures,
};
