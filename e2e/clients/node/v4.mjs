// auth0 4, whose calls are named otherwise, and which lists plain arrays.
import assert from 'node:assert/strict';
import { AuthenticationClient, ManagementApiError, ManagementClient } from 'auth0-v4';
import { BINDINGS, CODE, NAME, SECRETS, TRIGGERS, claimsOf, guards, trial } from './actions.mjs';
import { CLIENT_ID, CLIENT_SECRET, DOMAIN, INSIDE, OUTSIDE, from, isRefusal, opensFrom } from './doors.mjs';

const management = new ManagementClient({ domain: DOMAIN, clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });
const identifier = 'https://orders-4.example/';

async function fault(call, statusCode, errorCode) {
  const error = await call.then(() => assert.fail(`no ${statusCode}`), (error) => error);
  assert.ok(error instanceof ManagementApiError, error.stack);
  assert.deepEqual([error.statusCode, error.errorCode], [statusCode, errorCode]);
  return error.msg;
}

const { data: api } = await management.resourceServers.create({
  name: 'Orders',
  identifier,
  token_lifetime: 600,
  scopes: [{ value: 'read:orders' }],
});
const { data: client } = await management.clients.create({
  name: 'Customer',
  app_type: 'non_interactive',
  grant_types: ['client_credentials'],
  allowed_ips: [INSIDE],
});
const { client_id, client_secret: clientSecret } = client;
await management.clientGrants.create({ client_id, audience: identifier, scope: ['read:orders'] });

const authentication = new AuthenticationClient({ domain: DOMAIN, clientId: client_id, clientSecret });
const token = (address) =>
  from(address, () => authentication.oauth.clientCredentialsGrant({ audience: identifier }));
const { data: answer } = await token(INSIDE);
assert.deepEqual([answer.token_type, answer.expires_in], ['Bearer', 600]);
const refusal = await token(OUTSIDE).then(() => assert.fail('a token from outside'), (error) => error);
isRefusal(refusal.statusCode, refusal.body);

await opensFrom(INSIDE, answer.access_token);
const { data: edited } = await management.clients.update({ client_id }, { allowed_ips: [OUTSIDE] });
assert.deepEqual(edited.allowed_ips, [OUTSIDE]);
await opensFrom(OUTSIDE, answer.access_token);

const text = await fault(
  management.clients.update({ client_id }, { allowed_ips: ['10.0.0.1/8', 'office'] }), 400, 'invalid_body',
);
assert.match(text, /10\.0\.0\.1\/8.*office/s);
await fault(management.clients.get({ client_id: 'nobody' }), 404, 'inexistent_client');
await fault(management.resourceServers.create({ name: 'Again', identifier }), 409, 'conflict');

for (let n = 0; n < 12; n += 1) await management.clients.create({ name: `more ${n}`, app_type: 'native' });
const { data: plain } = await management.clients.getAll();
assert.equal(plain.filter(({ name }) => name.startsWith('more ')).length, 12, 'a plain array');
const { data: page } = await management.clients.getAll({ include_totals: true, per_page: 5, page: 1 });
assert.deepEqual([page.start, page.limit, page.total, page.clients.length], [5, 5, plain.length, 5]);
const { data: grants } = await management.clientGrants.getAll({ client_id });
assert.deepEqual(grants.map(({ audience, scope }) => [audience, scope]), [[identifier, ['read:orders']]]);

// An Action.
const { data: open } = await management.clients.create({
  name: 'Guarded by an Action', app_type: 'non_interactive', grant_types: ['client_credentials'],
});
await management.clientGrants.create({ client_id: open.client_id, audience: identifier, scope: ['read:orders'] });
const opened = new AuthenticationClient({
  domain: DOMAIN, clientId: open.client_id, clientSecret: open.client_secret,
});
const ask = async (address) => {
  const { data } = await from(address, () => opened.oauth.clientCredentialsGrant({ audience: identifier }));
  return data.access_token;
};
const { data: action } = await management.actions.create({
  name: NAME, code: CODE, secrets: SECRETS, supported_triggers: TRIGGERS,
});
const { id: actionId } = action;
const { data: tried } = await management.actions.test({ id: actionId }, trial(OUTSIDE));
assert.equal(tried.payload.denied.reason, 'not from there');
await management.actions.deploy({ id: actionId });
const trigger = { triggerId: 'credentials-exchange' };
await management.actions.updateTriggerBindings(trigger, { bindings: BINDINGS });
await guards(ask);
const { data: bound } = await management.actions.getTriggerBindings(trigger);
assert.equal(bound.bindings[0].display_name, NAME);
const { data: logs } = await management.logs.getAll({ q: 'type:seccft', sort: 'date:-1' });
const executions = logs.flatMap(({ details }) => details.actions.executions);
if (executions.length > 0) {
  const { data: execution } = await management.actions.getExecution({ id: executions[0] });
  assert.deepEqual([execution.status, execution.results[0].action_name], ['final', NAME]);
}
await management.actions.updateTriggerBindings(trigger, { bindings: [] });
assert.equal(claimsOf(await ask(OUTSIDE))['https://claims.example/from'], undefined);
await management.actions.delete({ id: actionId });

const { data: rotated } = await management.clients.rotateClientSecret({ client_id });
assert.notEqual(rotated.client_secret, clientSecret);
await management.clients.delete({ client_id });
await management.clients.delete({ client_id });
await management.resourceServers.delete({ id: api.id });
console.log('done');
