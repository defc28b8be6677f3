// What is left to do by hand where a library verifies and does not sign: the
// recipe in the provider's documentation, by Node's own cryptography.
import crypto from 'node:crypto';

export function hmac(algorithm, secret, content, encoding = 'hex') {
  return crypto.createHmac(algorithm, secret).update(content).digest(encoding);
}

export function hash(algorithm, content, encoding = 'hex') {
  return crypto.createHash(algorithm).update(content).digest(encoding);
}

// seconds is how most providers write a time.
export function seconds(at) {
  return Math.floor(at / 1000);
}

// fields are the parameters of a form-encoded body.
export function fields(text) {
  return Object.fromEntries(new URLSearchParams(text));
}

// keyPair makes a key of a pair for one signature. What is kept of it is the
// public one, as PEM.
export function keyPair(type, options) {
  const { privateKey, publicKey } = crypto.generateKeyPairSync(type, options);
  return { privateKey, publicKey, pem: publicKey.export({ type: 'spki', format: 'pem' }) };
}
