// auth0 6 and 7, which have one management API: a customer's key from its making to its end.
// `node fern.mjs 7`
import assert from 'node:assert/strict';
import { BINDINGS, CODE, NAME, SECRETS, TRIGGERS, claimsOf, guards, trial } from './actions.mjs';
import { CLIENT_ID, CLIENT_SECRET, DOMAIN, INSIDE, OUTSIDE, from, isRefusal, opensFrom } from './doors.mjs';

const version = process.argv[2];
const { ManagementClient, ManagementError, Management } = await import(
  version === '7' ? 'auth0' : 'auth0-v6'
);
const credentials = { domain: DOMAIN, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET };
const management = new ManagementClient(credentials);
const identifier = `https://orders-${version}.example/`;

/** The error that a call ends in. */
async function fault(call, type) {
  const error = await call.then(() => assert.fail(`no ${type.name}`), (error) => error);
  assert.ok(error instanceof type, `${error.name} is no ${type.name}: ${error.message}`);
  assert.equal(error.statusCode, error.body.statusCode);
  return error.body;
}

async function ids(pages) {
  const found = [];
  for await (const item of pages) found.push(item.client_id);
  return found;
}

// An API.
const scopes = [{ value: 'read:orders', description: 'Read orders' }];
const api = await management.resourceServers.create({ name: 'Orders', identifier, scopes });
assert.match(api.id, /^[0-9a-f]{24}$/);
assert.deepEqual(api.scopes, scopes);
assert.equal((await management.resourceServers.get(identifier)).id, api.id, 'by its identifier');
assert.equal((await management.resourceServers.update(api.id, { token_lifetime: 600 })).token_lifetime, 600);
const taken = await fault(
  management.resourceServers.create({ name: 'Again', identifier }),
  Management.ConflictError,
);
assert.equal(taken.error, 'Conflict');

// A customer's key for one network, and what it may.
const client = await management.clients.create({
  name: 'Customer A',
  app_type: 'non_interactive',
  grant_types: ['client_credentials'],
  client_metadata: { customer: 'a', plan: 'basic' },
  allowed_ips: [INSIDE],
});
assert.deepEqual([client.allowed_ips, client.allowlist_mode], [[INSIDE], 'enforce']);
const { client_id: id, client_secret: secret } = client;
const grant = await management.clientGrants.create({
  client_id: id,
  audience: identifier,
  scope: ['read:orders'],
});
assert.match(grant.id, /^cgr_\w{16}$/);

// The first door.
async function token(address, key = { id, secret }) {
  if (version === '7') {
    const { TokenProvider } = await import('auth0/management');
    const provider = new TokenProvider({
      domain: DOMAIN, clientId: key.id, clientSecret: key.secret, audience: identifier,
    });
    return from(address, () => provider.getAccessToken());
  }
  const { AuthenticationClient } = await import('auth0-v6');
  const authentication = new AuthenticationClient({
    domain: DOMAIN, clientId: key.id, clientSecret: key.secret,
  });
  const grant = () => authentication.oauth.clientCredentialsGrant({ audience: identifier });
  const { data } = await from(address, grant);
  assert.deepEqual([data.token_type, data.expires_in, data.scope], ['Bearer', 600, 'read:orders']);
  return data.access_token;
}
const issued = await token(INSIDE);
const refusal = await token(OUTSIDE).then(() => assert.fail('a token from outside'), (error) => error);
isRefusal(refusal.statusCode, refusal.body);

// The second door, and an edit that the token that is out obeys.
await opensFrom(INSIDE, issued);
const edited = await management.clients.update(id, {
  allowed_ips: [OUTSIDE, '2001:db8::/32'],
  client_metadata: { plan: 'gold', customer: null },
});
assert.deepEqual(edited.allowed_ips, [OUTSIDE, '2001:db8::/32']);
assert.deepEqual(edited.client_metadata, { plan: 'gold' }, 'merged');
await opensFrom(OUTSIDE, issued);
const free = await management.clients.update(id, { allowed_ips: [] });
assert.deepEqual([free.allowed_ips, free.allowlist_mode], [[], 'off']);
const report = await management.clients.update(id, { allowed_ips: [INSIDE], allowlist_mode: 'report' });
assert.equal(report.allowlist_mode, 'report');
assert.equal((await management.clients.get(id)).allowlist_mode, 'report');
assert.equal((await management.clients.get(id)).client_secret, undefined);

// A list that is refused, with every entry at fault.
const refused = await fault(
  management.clients.update(id, { allowed_ips: ['192.0.2.1', '10.0.0.1/8', 'office'] }),
  Management.BadRequestError,
);
assert.match(refused.message, /10\.0\.0\.1\/8.*office/s);
assert.equal(refused.errorCode, 'invalid_body');

// What else goes wrong.
const gone = await fault(management.clients.get('nobody'), Management.NotFoundError);
assert.equal(gone.errorCode, 'inexistent_client');
const noApi = await fault(management.resourceServers.get('nothing'), Management.NotFoundError);
assert.equal(noApi.errorCode, 'inexistent_resource_server');
const stranger = new ManagementClient({ domain: DOMAIN, token: issued });
const unknown = await fault(stranger.clients.list(), Management.UnauthorizedError);
assert.equal(unknown.error, 'Unauthorized');
const reader = await management.clients.create({ name: 'Reader', app_type: 'non_interactive' });
const audience = `https://${DOMAIN}/api/v2/`;
await management.clientGrants.create({ client_id: reader.client_id, audience, scope: ['read:clients'] });
const limited = new ManagementClient({
  ...credentials, clientId: reader.client_id, clientSecret: reader.client_secret,
});
const forbidden = await fault(limited.clients.create({ name: 'No' }), Management.ForbiddenError);
assert.equal(forbidden.errorCode, 'insufficient_scope');
assert.match(forbidden.message, /^Insufficient scope, expected any of: create:clients/);

// Rate-limit headers on every answer, and a projection.
const { data: own, rawResponse } = await management.clients.get(id, { fields: 'name' }).withRawResponse();
assert.deepEqual(own, { name: 'Customer A' });
for (const name of ['limit', 'remaining', 'reset']) {
  assert.match(rawResponse.headers.get(`x-ratelimit-${name}`), /^\d+$/, name);
}

// Listings to their end: 120 more, in pages of 50 (the SDK's default), of 100, of 7.
if (version === '7') {
  const more = Array.from({ length: 120 }, (_, n) => `many ${n}`);
  for (const name of more) await management.clients.create({ name, app_type: 'native' });
  const all = await ids(await management.clients.list());
  assert.equal(new Set(all).size, all.length, 'none twice');
  assert.equal(all.length, 123, 'the administrator, two of ours, 120');
  for (const per_page of [7, 100]) {
    assert.deepEqual(await ids(await management.clients.list({ per_page })), all, `by ${per_page}`);
  }
  const machines = await ids(await management.clients.list({ app_type: 'non_interactive' }));
  assert.equal(machines.length, 3);
  for (let n = 0; n < 7; n += 1) {
    const audience = `https://more-${n}.example/`;
    await management.resourceServers.create({ name: 'More', identifier: audience });
    await management.clientGrants.create({ client_id: id, audience, scope: [] });
  }
  const grants = await ids(await management.clientGrants.list({ client_id: id, take: 3 }));
  assert.equal(grants.length, 8, 'by checkpoints');
  const apis = [];
  for await (const found of await management.resourceServers.list({ per_page: 3 })) apis.push(found.id);
  assert.equal(new Set(apis).size, 9, 'the management API, ours, seven');
}

// An Action: tried, deployed, bound, changed, rolled back, unbound.
const open = await management.clients.create({
  name: 'Guarded by an Action', app_type: 'non_interactive', grant_types: ['client_credentials'],
});
await management.clientGrants.create({ client_id: open.client_id, audience: identifier, scope: ['read:orders'] });
const ask = (address) => token(address, { id: open.client_id, secret: open.client_secret });
const action = await management.actions.create({
  name: NAME, code: CODE, secrets: SECRETS, supported_triggers: TRIGGERS,
});
assert.equal(action.all_changes_deployed, false);
const { payload: outside } = await management.actions.test(action.id, trial(OUTSIDE));
assert.deepEqual(outside.denied, { code: 'invalid_request', reason: 'not from there' });
const { payload: inside } = await management.actions.test(action.id, trial(INSIDE));
assert.deepEqual([inside.result, inside.console[0].text], ['allowed', `asked from ${INSIDE}`]);
const early = await fault(
  management.actions.triggers.bindings.updateMany('credentials-exchange', { bindings: BINDINGS }),
  Management.BadRequestError,
);
assert.match(early.message, /must be deployed/);
await management.actions.deploy(action.id);
const { bindings } = await management.actions.triggers.bindings.updateMany(
  'credentials-exchange', { bindings: BINDINGS },
);
assert.equal(bindings[0].action.name, NAME);
await guards(ask);
await management.actions.update(action.id, { code: 'exports.onExecuteCredentialsExchange = async () => { throw new Error("no"); };' });
await guards(ask);
await management.actions.deploy(action.id);
const broken = await ask(INSIDE).then(() => assert.fail('a token'), (error) => error);
assert.equal(broken.statusCode, 500);
const versions = [];
for await (const one of await management.actions.versions.list(action.id)) versions.push(one);
const first = versions.find(({ number }) => number === 1);
await management.actions.versions.deploy(action.id, first.id, {});
await guards(ask);
await management.actions.update(action.id, { code: 'const a = ;' });
const faulty = await fault(management.actions.deploy(action.id), Management.BadRequestError);
assert.match(faulty.message, /^Compilation failed: SyntaxError: line 1/);
await management.actions.triggers.bindings.updateMany('credentials-exchange', { bindings: [] });
assert.equal(claimsOf(await ask(OUTSIDE))['https://claims.example/from'], undefined);
await management.actions.delete(action.id);
await management.clients.delete(open.client_id);

// A new secret, and the end: deleting is idempotent, and takes the grants along.
const rotated = await management.clients.rotateSecret(id);
assert.notEqual(rotated.client_secret, secret);
await management.clients.delete(id);
await management.clients.delete(id);
await management.clientGrants.delete(grant.id);
const left = await management.clientGrants.list({ client_id: id });
assert.deepEqual(left.data, []);
await management.resourceServers.delete(identifier);
assert.ok(ManagementError);
console.log('done');
