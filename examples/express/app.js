// A small API that Keyward guards. `npm ci`, then `node app.js`.
import express from "express";

const check = process.env.KEYWARD_CHECK ?? "http://127.0.0.1:8081/v1/check/orders";
const token = process.env.KEYWARD_GATEWAY_TOKEN;
if (!token) throw new Error("KEYWARD_GATEWAY_TOKEN is not set: `keyward gateway create` prints it");

const credentials = ["authorization", "x-api-key"];
const passedBack = ["content-type", "retry-after", "www-authenticate", "x-request-id"];

// Asks Keyward before anything else sees a request. Only its 200 lets one in.
async function keyward(req, res, next) {
  const headers = new Headers({
    "X-Gateway-Token": token,
    "X-Real-IP": req.socket.remoteAddress, // not req.ip: what is in headers, callers can write
    "X-Original-Method": req.method,
    "X-Original-URI": req.originalUrl,
  });
  // Every line, because req.headers keeps the first Authorization and drops the rest.
  for (const name of credentials)
    for (const line of req.headersDistinct[name] ?? []) headers.append(name, line);
  let answer, body;
  try {
    const signal = AbortSignal.timeout(1000);
    answer = await fetch(check, { headers, signal, redirect: "manual" });
    body = await answer.text();
  } catch (error) {
    console.error("Keyward does not answer, the request is refused:", error.cause ?? error);
    return res.status(503).set("Retry-After", "1").json({ error: "temporarily_unavailable" });
  }
  if (answer.status === 200 && answer.headers.has("x-client-id")) {
    req.caller = answer.headers; // not req.headers, where a caller may have written its own
    return next();
  }
  for (const name of passedBack)
    if (answer.headers.has(name)) res.set(name, answer.headers.get(name));
  res.status(answer.status < 400 ? 503 : answer.status).end(body);
}

const app = express();
app.use(keyward); // before every route
app.get("/orders", ({ caller }, res) => {
  res.json({
    client_id: caller.get("x-client-id"),
    account_id: caller.get("x-account-id"),
    scope: caller.get("x-client-scope"),
    client_ip: caller.get("x-client-ip"),
  });
});
app.listen(process.env.PORT ?? 3000);
