// Lets the libraries that providers publish judge requests, and sign them.
//
// It reads one JSON object a line and answers each with one:
//
//   {"do": "verify", "library", "method", "url", "headers", "body_base64", "secret", "at"}
//     → {"accepts": true}, or false with the library's "why"
//   {"do": "sign", …}
//     → {"headers", "body_base64", "secret"}: the headers that differ, empty
//       those that go, and the rest where it differs
//   {"do": "version", "module"}
//     → {"version"}
//
// Header names are in lower case. Everything happens at "at", in milliseconds:
// Paddle's library refuses what is five seconds old, and a busy machine may
// take longer. {"missing": MODULE} says that a library is not installed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';

import * as commerce from './commerce.mjs';
import * as messages from './messages.mjs';
import * as standard from './standard.mjs';
import * as work from './work.mjs';

// Standard output is for answers.
console.log = console.info = console.debug = console.error;

// The clock that the libraries read stands still.
const RealDate = Date;
let now = RealDate.now();
globalThis.Date = class extends RealDate {
  constructor(...parts) {
    super(...(parts.length > 0 ? parts : [now]));
  }

  static now() {
    return now;
  }
};

const libraries = { ...commerce.libraries, ...messages.libraries, ...standard.libraries, ...work.libraries };

async function verify(library, request) {
  try {
    return { accepts: (await library.verify(request)) === true };
  } catch (err) {
    if (err.code === 'ERR_MODULE_NOT_FOUND') throw err;
    return { accepts: false, why: `${err.name}: ${err.message}` };
  }
}

async function sign(library, request) {
  const { body, ...rest } = await library.sign(request);
  return { ...rest, body_base64: body === undefined ? undefined : Buffer.from(body).toString('base64') };
}

// version finds the package itself: many do not let its package.json be
// imported.
function version(module) {
  for (const dir of createRequire(import.meta.url).resolve.paths(module)) {
    try {
      return { version: JSON.parse(readFileSync(path.join(dir, module, 'package.json'))).version };
    } catch {
      // It is in none of the folders before the one that has it.
    }
  }
  return { missing: module };
}

async function answer(line) {
  const r = JSON.parse(line);
  if (r.do === 'version') return version(r.module);
  now = r.at;
  const library = libraries[r.library];
  if (!library) return { error: `no library is named ${r.library}` };
  const body = Buffer.from(r.body_base64, 'base64');
  const request = { ...r, body, text: body.toString() };
  try {
    return await (r.do === 'sign' ? sign(library, request) : verify(library, request));
  } catch (err) {
    if (err.code === 'ERR_MODULE_NOT_FOUND') return { missing: `${r.library}: ${err.message}` };
    return { error: err.stack };
  }
}

for await (const line of readline.createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`);
}
