// One Express app a provider, each on a port of its own that the system
// chooses. Prints one JSON object, provider to address, when all of them
// listen, and ends when standard input does.
'use strict';

const express = require('express');
const verify = require('./verify.js');

const providers = {
  canvelete: { path: '/webhooks/canvelete', type: (event) => event.eventType },
  loopcanvas: { path: '/webhooks/loopcanvas', type: (event) => event.type },
  generic: { path: '/webhook', type: (event) => event.type },
  sketchpen: { path: '/webhook', type: (event) => event.event },
};

const addresses = {};
for (const [name, provider] of Object.entries(providers)) {
  const app = express();
  app.post(provider.path, express.raw({ type: '*/*', limit: '25mb' }), (req, res) => {
    if (!verify[name](req.body, req.headers, process.env.WEBHOOK_SECRET)) {
      return res.status(401).send('Invalid signature');
    }
    return res.status(200).send(`OK ${provider.type(JSON.parse(req.body))}`);
  });
  const server = app.listen(0, '127.0.0.1', () => {
    addresses[name] = `http://127.0.0.1:${server.address().port}${provider.path}`;
    if (Object.keys(addresses).length === Object.keys(providers).length) {
      console.log(JSON.stringify(addresses));
    }
  });
}

process.stdin.resume().on('end', () => process.exit(0));
