// Clients that show a signature in place of a secret (private_key_jwt), by every library that can.
import assert from 'node:assert/strict';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { ManagementClient } from 'auth0';
import { TokenProvider } from 'auth0/management';
import { AuthenticationClient } from 'auth0-v4';
import * as oidc from 'openid-client';
import {
  CLIENT_ID, CLIENT_SECRET, DOMAIN, GUARDED, INSIDE, OUTSIDE, from, guarded, isRefusal, opensFrom,
} from './doors.mjs';

const management = new ManagementClient({ domain: DOMAIN, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });
const audience = 'https://orders-keys.example/';
await management.resourceServers.create({ name: 'Orders', identifier: audience });

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const client = await management.clients.create({
  name: 'Customer',
  app_type: 'non_interactive',
  grant_types: ['client_credentials'],
  client_authentication_methods: {
    private_key_jwt: {
      credentials: [{ credential_type: 'public_key', name: 'first', pem: publicKey, alg: 'RS256' }],
    },
  },
  allowed_ips: [INSIDE],
});
const clientId = client.client_id;
await management.clientGrants.create({ client_id: clientId, audience, scope: [] });
const [credential] = await management.clients.credentials.list(clientId);
assert.deepEqual([credential.name, credential.credential_type, credential.alg], ['first', 'public_key', 'RS256']);

const pem = privateKey.replaceAll(/-----[^-]+-----|\s/g, '');
const key = await webcrypto.subtle.importKey(
  'pkcs8', Buffer.from(pem, 'base64'), { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign'],
);
const found = await oidc.discovery(new URL(`https://${DOMAIN}/`), clientId, undefined, oidc.PrivateKeyJwt(key));
const signed = { domain: DOMAIN, clientId, clientAssertionSigningKey: privateKey };
const ways = {
  'auth0 7': () => new TokenProvider({ ...signed, audience }).getAccessToken(),
  'auth0 4': async () => {
    const { data } = await new AuthenticationClient(signed).oauth.clientCredentialsGrant({ audience });
    return data.access_token;
  },
  'openid-client': async () => (await oidc.clientCredentialsGrant(found, { audience })).access_token,
};
for (const [name, token] of Object.entries(ways)) {
  await opensFrom(INSIDE, await from(INSIDE, token));
  const refusal = await from(OUTSIDE, token).then(() => assert.fail(name), (error) => error);
  isRefusal(refusal.statusCode ?? refusal.status, refusal.body ?? refusal.cause);
}

// Without its key it gets nothing.
const { privateKey: stolen } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const other = new TokenProvider({ ...signed, clientAssertionSigningKey: stolen, audience });
const refused = await from(INSIDE, () => other.getAccessToken().catch((error) => error));
assert.equal(refused.statusCode, 401);
assert.equal(refused.body.error, 'access_denied');
// A token that is bound to a key (DPoP), and worth nothing without it.
const bound = 'https://orders-bound.example/';
const proof_of_possession = { mechanism: 'dpop', required: true };
await management.resourceServers.create({ name: 'Bound', identifier: bound, proof_of_possession });
await management.clientGrants.create({ client_id: clientId, audience: bound, scope: [] });
const DPoP = oidc.getDPoPHandle(found, await oidc.randomDPoPKeyPair('ES256'));
const ask = (options) => from(INSIDE, () => oidc.clientCredentialsGrant(found, { audience: bound }, options));
const answer = await ask({ DPoP });
assert.equal(answer.token_type, 'dpop');
oidc.allowInsecureRequests(found);
async function call(address) {
  const url = new URL(`${GUARDED}/orders/`);
  const options = { DPoP };
  const send = () => oidc.fetchProtectedResource(found, answer.access_token, url, 'GET', null, undefined, options);
  return from(address, async () => {
    const response = await send().catch((error) => error.response ?? assert.fail(error));
    return response.status;
  });
}
assert.deepEqual([await call(INSIDE), await call(OUTSIDE)], [200, 403]);
assert.equal(await guarded(INSIDE, answer.access_token), 401, 'without a proof');
const unbound = await ask().catch((error) => error);
assert.ok(unbound instanceof oidc.ResponseBodyError, 'a token without a proof');
console.log('done');
