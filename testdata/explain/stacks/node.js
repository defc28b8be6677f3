// Writes bodies as apps on Node do. Reads {"job", "body" in base64} a line and
// answers with base64 a line.
const readline = require("node:readline");

const jobs = {
  // express.json(), then a signature over what it made of the body.
  "stringify": (b) => JSON.stringify(JSON.parse(b)),
  "stringify-2": (b) => JSON.stringify(JSON.parse(b), null, 2),
  "stringify-4": (b) => JSON.stringify(JSON.parse(b), null, 4),
  "stringify-tab": (b) => JSON.stringify(JSON.parse(b), null, "\t"),
  // express.text(), then JSON.stringify of the text.
  "stringify-text": (b) => JSON.stringify(b.toString()),
  // express.raw(), then JSON.stringify of the Buffer.
  "stringify-buffer": (b) => JSON.stringify(b),
  // The middleware was not told to read this type: req.body is {}.
  "stringify-empty": () => JSON.stringify({}),
  "object": (b) => String(JSON.parse(b)),
  // express.urlencoded(), then JSON of its fields or a form of them.
  "form-json": (b) => JSON.stringify(Object.fromEntries(new URLSearchParams(b.toString()))),
  "form-form": (b) => new URLSearchParams(Object.fromEntries(new URLSearchParams(b.toString()))).toString(),
  "form-encode": (b) => Object.entries(Object.fromEntries(new URLSearchParams(b.toString()))).map(([k, v]) => encodeURIComponent(k) + "=" + encodeURIComponent(v)).join("&"),
  "form-payload": (b) => new URLSearchParams(b.toString()).get("payload"),
  "wrap-payload": (b) => new URLSearchParams({ payload: b.toString() }).toString(),
  "encode": (b) => encodeURIComponent(b.toString()),
  // req.setEncoding("latin1"), or a string with the wrong name of an encoding.
  "latin1": (b) => b.toString("latin1"),
  "to-latin1": (b) => Buffer.from(b.toString("utf8"), "latin1"),
  "utf16": (b) => Buffer.from(b.toString("utf8"), "utf16le"),
  "base64": (b) => b.toString("base64"),
  "base64url": (b) => b.toString("base64url"),
  // What API Gateway gives to a function.
  "event": (b) => JSON.stringify({ version: "2.0", rawPath: "/webhooks", headers: { "content-type": "application/json" }, isBase64Encoded: false, body: b.toString() }),
  "event-base64": (b) => JSON.stringify({ version: "2.0", rawPath: "/webhooks", headers: { "content-type": "application/json" }, isBase64Encoded: true, body: b.toString("base64") }),
  // Not of a body: how Node reads a secret.
  "read-base64": (b) => Buffer.from(b.toString(), "base64"),
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { job, body } = JSON.parse(line);
  console.log(Buffer.from(jobs[job](Buffer.from(body, "base64"))).toString("base64"));
});
