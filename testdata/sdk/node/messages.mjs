// Chat, calls, mail and queues.
import https from 'node:https';
import { EventEmitter } from 'node:events';
import crypto from 'node:crypto';

import { fields, hmac, keyPair, seconds } from './recipe.mjs';

// withCertificate answers the one request that sns-validator makes, for the
// certificate, with a key: nothing leaves this machine.
async function withCertificate(pem, work) {
  const { get } = https;
  https.get = (_url, answer) => {
    const response = Object.assign(new EventEmitter(), { statusCode: 200 });
    answer(response);
    response.emit('data', pem);
    response.emit('end');
    return new EventEmitter();
  };
  try {
    return await work();
  } finally {
    https.get = get;
  }
}

// rawKey is the bytes of an Ed25519 key in PEM, or in base64.
function rawKey(key) {
  if (!key.startsWith('-----')) return Buffer.from(key, 'base64');
  return crypto.createPublicKey(key).export({ type: 'spki', format: 'der' }).subarray(-32);
}

// hexKey is an Ed25519 key as Discord's developer portal shows it.
function hexKey(key) {
  return key.startsWith('-----') ? rawKey(key).toString('hex') : key;
}

const snsFields = ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];

export const libraries = {
  slack: {
    async verify({ text, headers, secret }) {
      const { verifySlackRequest } = await import('@slack/bolt');
      verifySlackRequest({
        signingSecret: secret,
        body: text,
        headers: {
          'x-slack-signature': headers['x-slack-signature'],
          'x-slack-request-timestamp': Number(headers['x-slack-request-timestamp']),
        },
      });
      return true;
    },
    async sign({ text, secret, at }) {
      const signature = hmac('sha256', secret, `v0:${seconds(at)}:${text}`);
      return { headers: { 'x-slack-request-timestamp': `${seconds(at)}`, 'x-slack-signature': `v0=${signature}` } };
    },
  },

  discord: {
    async verify({ body, headers, secret }) {
      const { verifyKey } = await import('discord-interactions');
      const { 'x-signature-ed25519': signature, 'x-signature-timestamp': timestamp } = headers;
      return verifyKey(body, signature, timestamp, hexKey(secret));
    },
    async sign({ body, at }) {
      const { privateKey, pem } = keyPair('ed25519');
      const signature = crypto.sign(null, Buffer.concat([Buffer.from(`${seconds(at)}`), body]), privateKey);
      return {
        headers: { 'x-signature-timestamp': `${seconds(at)}`, 'x-signature-ed25519': signature.toString('hex') },
        secret: hexKey(pem),
      };
    },
  },

  twilio: {
    async verify({ text, headers, secret, url }) {
      const { default: twilio } = await import('twilio');
      const form = headers['content-type'].startsWith('application/x-www-form-urlencoded');
      return form
        ? twilio.validateRequest(secret, headers['x-twilio-signature'], url, fields(text))
        : twilio.validateRequestWithBody(secret, headers['x-twilio-signature'], url, text);
    },
    async sign({ text, secret, url }) {
      const { default: webhooks } = await import('twilio/lib/webhooks/webhooks.js');
      return { headers: { 'x-twilio-signature': webhooks.getExpectedTwilioSignature(secret, url, fields(text)) } };
    },
  },

  plivo: {
    async verify({ method, text, headers, secret, url }) {
      const { default: plivo } = await import('plivo');
      const { 'x-plivo-signature-v3-nonce': nonce, 'x-plivo-signature-v3': signature } = headers;
      return plivo.validateV3Signature(method, url, nonce, secret, signature, fields(text));
    },
    async sign({ text, secret, url }) {
      const nonce = crypto.randomUUID();
      const parameters = Object.entries(fields(text)).sort(([a], [b]) => (a < b ? -1 : 1));
      const content = `${url}?${parameters.flat().join('')}.${nonce}`;
      return {
        headers: {
          'x-plivo-signature-v3-nonce': nonce,
          'x-plivo-signature-v3': hmac('sha256', secret, content, 'base64'),
        },
      };
    },
  },

  telnyx: {
    async verify({ text, headers, secret }) {
      const { default: Telnyx } = await import('telnyx');
      const telnyx = new Telnyx({ apiKey: 'not-used', publicKey: rawKey(secret).toString('base64') });
      return typeof (await telnyx.webhooks.unwrap(text, { headers })).data.event_type === 'string';
    },
    async sign({ text, at }) {
      const { privateKey, pem } = keyPair('ed25519');
      const signature = crypto.sign(null, Buffer.from(`${seconds(at)}|${text}`), privateKey);
      return {
        headers: { 'telnyx-timestamp': `${seconds(at)}`, 'telnyx-signature-ed25519': signature.toString('base64') },
        secret: rawKey(pem).toString('base64'),
      };
    },
  },

  elevenlabs: {
    async verify({ text, headers, secret }) {
      const { ElevenLabsClient } = await import('@elevenlabs/elevenlabs-js');
      const client = new ElevenLabsClient({ apiKey: 'not-used' });
      const event = await client.webhooks.constructEvent(text, headers['elevenlabs-signature'], secret);
      return typeof event.type === 'string';
    },
    async sign({ text, secret, at }) {
      const v0 = hmac('sha256', secret, `${seconds(at)}.${text}`);
      return { headers: { 'elevenlabs-signature': `t=${seconds(at)},v0=${v0}` } };
    },
  },

  retell: {
    async verify({ text, headers, secret }) {
      const { verify } = await import('retell-sdk');
      return verify(text, secret, headers['x-retell-signature']);
    },
    async sign({ text, secret }) {
      const { sign } = await import('retell-sdk');
      return { headers: { 'x-retell-signature': await sign(text, secret) } };
    },
  },

  hookdeck: {
    async verify({ text, headers, secret }) {
      const { verifyWebhookSignature } = await import('@hookdeck/sdk/webhooks/helpers.js');
      return (await verifyWebhookSignature({ headers, rawBody: text, signingSecret: secret })).isValidSignature;
    },
    async sign({ text, secret }) {
      // While a secret is changed, each of the two signs.
      return {
        headers: {
          'x-hookdeck-signature': hmac('sha256', 'the one before', text, 'base64'),
          'x-hookdeck-signature-2': hmac('sha256', secret, text, 'base64'),
        },
      };
    },
  },

  pusher: {
    async verify({ text, headers, secret }) {
      const { default: Pusher } = await import('pusher');
      const pusher = new Pusher({ appId: '1', key: headers['x-pusher-key'], secret, cluster: 'eu' });
      return pusher.webhook({ headers, rawBody: text }).isValid();
    },
    async sign({ text, secret }) {
      const { default: Token } = await import('pusher/lib/token.js');
      return { headers: { 'x-pusher-signature': new Token('key', secret).sign(text) } };
    },
  },

  line: {
    async verify({ body, headers, secret }) {
      const { validateSignature } = await import('@line/bot-sdk');
      return validateSignature(body, secret, headers['x-line-signature']);
    },
    async sign({ body, secret }) {
      return { headers: { 'x-line-signature': hmac('sha256', secret, body, 'base64') } };
    },
  },

  sendgrid: {
    async verify({ text, headers, secret }) {
      const { EventWebhook } = await import('@sendgrid/eventwebhook');
      const webhook = new EventWebhook();
      const signature = headers['x-twilio-email-event-webhook-signature'];
      const timestamp = headers['x-twilio-email-event-webhook-timestamp'];
      return webhook.verifySignature(webhook.convertPublicKeyToECDSA(secret), text, signature, timestamp);
    },
    async sign({ text, at }) {
      const { privateKey, pem } = keyPair('ec', { namedCurve: 'P-256' });
      const signature = crypto.sign('sha256', Buffer.from(`${seconds(at)}${text}`), privateKey);
      return {
        headers: {
          'x-twilio-email-event-webhook-timestamp': `${seconds(at)}`,
          'x-twilio-email-event-webhook-signature': signature.toString('base64'),
        },
        secret: pem,
      };
    },
  },

  telegram: {
    async verify({ method, url, text, headers, secret }) {
      const { Bot, webhookCallback } = await import('grammy');
      const me = { id: 1, is_bot: true, first_name: 'Bot', username: 'bot' };
      const handle = webhookCallback(new Bot('1:not-used', { botInfo: me }), 'std/http', { secretToken: secret });
      return (await handle(new Request(url, { method, headers, body: text }))).status === 200;
    },
    async sign({ secret }) {
      return { headers: { 'x-telegram-bot-api-secret-token': secret } };
    },
  },

  twitch: {
    async verify({ text, headers, secret }) {
      const { EventSubMiddleware } = await import('@twurple/eventsub-http');
      return EventSubMiddleware.prototype._verifyData.call(
        { _secret: secret },
        headers['twitch-eventsub-message-id'],
        headers['twitch-eventsub-message-timestamp'],
        text,
        headers['twitch-eventsub-message-signature'],
      );
    },
    async sign({ text, headers, secret, at }) {
      const timestamp = new Date(at).toISOString();
      const signature = hmac('sha256', secret, headers['twitch-eventsub-message-id'] + timestamp + text);
      return {
        headers: {
          'twitch-eventsub-message-timestamp': timestamp,
          'twitch-eventsub-message-signature': `sha256=${signature}`,
        },
      };
    },
  },

  zoom: {
    async verify({ text, headers, secret }) {
      const { AwsLambdaReceiver } = await import('@zoom/rivet/meetings');
      const receiver = new AwsLambdaReceiver({ webhooksSecretToken: secret });
      receiver.init({ eventEmitter: { emit: async () => {} } });
      return (await receiver.start()({ body: text, headers, isBase64Encoded: false }, {})).statusCode === 200;
    },
    async sign({ text, secret, at }) {
      const signature = hmac('sha256', secret, `v0:${seconds(at)}:${text}`);
      return { headers: { 'x-zm-request-timestamp': `${seconds(at)}`, 'x-zm-signature': `v0=${signature}` } };
    },
  },

  sns: {
    async verify({ text, secret }) {
      const { default: MessageValidator } = await import('sns-validator');
      const message = JSON.parse(text);
      // Certificates are kept by their address: each key has one of its own.
      message.SigningCertURL = message.SigningCertURL.replace('.pem', `${crypto.randomUUID()}.pem`);
      await withCertificate(
        secret,
        () =>
          new Promise((resolve, reject) => {
            new MessageValidator().validate(message, (err) => (err ? reject(err) : resolve()));
          }),
      );
      return true;
    },
    async sign({ text, at }) {
      const { privateKey, pem } = keyPair('rsa', { modulusLength: 2048 });
      const message = { ...JSON.parse(text), SignatureVersion: '2', Timestamp: new Date(at).toISOString() };
      const content = snsFields.filter((name) => name in message).map((name) => `${name}\n${message[name]}\n`);
      message.Signature = crypto.sign('sha256', Buffer.from(content.join('')), privateKey).toString('base64');
      return { headers: {}, body: JSON.stringify(message, null, 2), secret: pem };
    },
  },
};
