// openid-client gets tokens, and a resource server with express-oauth2-jwt-bearer verifies them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { ManagementClient } from 'auth0';
import express from 'express';
import { auth, requiredScopes } from 'express-oauth2-jwt-bearer';
import * as oidc from 'openid-client';
import { CLIENT_ID, CLIENT_SECRET, DOMAIN, INSIDE, OUTSIDE, from, isRefusal, opensFrom } from './doors.mjs';

const issuerBaseURL = `https://${DOMAIN}/`;
const management = new ManagementClient({ domain: DOMAIN, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });

async function api(identifier, fields) {
  const scopes = [{ value: 'read:orders' }, { value: 'write:orders' }];
  await management.resourceServers.create({ name: identifier, identifier, scopes, ...fields });
  return identifier;
}
const plain = await api('https://plain.example/', {});
const rfc9068 = await api('https://rfc9068.example/', { token_dialect: 'rfc9068_profile' });
const es256 = await api('https://es256.example/', { signing_alg: 'ES256' });

const client = await management.clients.create({
  name: 'Customer',
  app_type: 'non_interactive',
  grant_types: ['client_credentials'],
  allowed_ips: [INSIDE],
});
for (const audience of [plain, rfc9068, es256]) {
  await management.clientGrants.create({ client_id: client.client_id, audience, scope: ['read:orders'] });
}

/** Every way of openid-client to show a secret. */
const ways = { basic: oidc.ClientSecretBasic, post: oidc.ClientSecretPost };
async function config(way) {
  const { client_id: id, client_secret: secret } = client;
  return oidc.discovery(new URL(issuerBaseURL), id, undefined, way(secret));
}
const tokens = {};
for (const [name, way] of Object.entries(ways)) {
  const found = await config(way);
  assert.equal(found.serverMetadata().issuer, issuerBaseURL);
  const grant = (parameters) => oidc.clientCredentialsGrant(found, parameters);
  const answer = await from(INSIDE, () => grant({ audience: plain, scope: 'read:orders' }));
  assert.deepEqual([answer.token_type, answer.scope], ['bearer', 'read:orders'], name);
  await opensFrom(INSIDE, answer.access_token);
  tokens.plain = answer.access_token;
  const refusal = await from(OUTSIDE, () => grant({ audience: plain }).catch((error) => error));
  assert.ok(refusal instanceof oidc.ResponseBodyError, refusal.stack);
  isRefusal(refusal.status, refusal.cause);
  const greedy = await from(INSIDE, () => grant({ audience: plain, scope: 'write:orders' }).catch((e) => e));
  assert.equal(greedy.error_description, 'Client has not been granted scopes: write:orders');
}
const found = await config(oidc.ClientSecretPost);
for (const [name, audience] of Object.entries({ rfc9068, es256 })) {
  const answer = await from(INSIDE, () => oidc.clientCredentialsGrant(found, { audience }));
  tokens[name] = answer.access_token;
}

/** The status that a resource server with this middleware answers. */
async function verified(options, token, scope = 'read:orders') {
  const app = express();
  app.get('/', auth({ issuerBaseURL, ...options }), requiredScopes(scope), ({ auth: { payload } }, response) => {
    response.json(payload);
  });
  app.use((error, request, response, next) => {
    response.status(error.status ?? 500).send(error.message);
    void next;
  });
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const response = await fetch(`http://127.0.0.1:${server.address().port}/`, { headers });
  const body = await response.text();
  await new Promise((resolve) => server.close(resolve));
  return [response.status, body];
}
const [status, body] = await verified({ audience: plain }, tokens.plain);
assert.equal(status, 200, body);
const { iss, sub, aud, azp, gty, scope } = JSON.parse(body);
assert.deepEqual(
  { iss, sub, aud, azp, gty, scope },
  {
    iss: issuerBaseURL,
    sub: `${client.client_id}@clients`,
    aud: plain,
    azp: client.client_id,
    gty: 'client-credentials',
    scope: 'read:orders',
  },
);
for (const [expected, options, token, wanted] of [
  [200, { audience: rfc9068, strict: true }, tokens.rfc9068],
  [401, { audience: plain, strict: true }, tokens.plain],
  [200, { audience: es256, tokenSigningAlg: 'ES256' }, tokens.es256],
  [200, { audience: es256 }, tokens.es256],
  [401, { audience: rfc9068 }, tokens.plain],
  [403, { audience: plain }, tokens.plain, 'write:orders'],
  [401, { audience: plain }, `${tokens.plain.slice(0, -8)}AAAAAAAA`],
  [401, { audience: plain }, undefined],
]) {
  const [got, text] = await verified(options, token, wanted);
  assert.equal(got, expected, `${JSON.stringify(options)}: ${text}`);
}

// The tokens that are out obey an edit at once.
await management.clients.update(client.client_id, { allowed_ips: [OUTSIDE] });
for (const token of Object.values(tokens)) await opensFrom(OUTSIDE, token);
console.log('done');
