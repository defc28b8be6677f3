// Reads one request a line, {"provider", "headers", "body_base64"}, and
// answers each with one line, true or false: is it genuine?
'use strict';

const readline = require('readline');
const verify = require('./verify.js');

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { provider, headers, body_base64: body } = JSON.parse(line);
  const genuine = verify[provider](Buffer.from(body, 'base64'), headers, process.env.WEBHOOK_SECRET);
  process.stdout.write(`${genuine}\n`);
});
