// An Action as people write them for Auth0, and what is seen of it at the token endpoint.
import assert from 'node:assert/strict';
import { INSIDE, OUTSIDE } from './doors.mjs';

export const NAME = 'Allow list';
export const TRIGGERS = [{ id: 'credentials-exchange', version: 'v2' }];
export const SECRETS = [{ name: 'ADDRESSES', value: `192.0.2.1,${INSIDE}` }];
export const BINDINGS = [{ ref: { type: 'action_name', value: NAME }, display_name: NAME }];
export const CODE = `
/** @param {Event} event @param {CredentialsExchangeAPI} api */
exports.onExecuteCredentialsExchange = async (event, api) => {
  const addresses = event.secrets.ADDRESSES?.split(',');
  if (!addresses) return api.access.deny('server_error', 'no addresses');
  console.log('asked from', event.request.ip);
  if (!addresses.includes(event.request.ip)) {
    return api.access.deny('invalid_request', 'not from there');
  }
  api.accessToken.setCustomClaim('https://claims.example/from', event.request.ip);
};
`;

/** What a token says. */
export const claimsOf = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));

/** The Action lets one address pass, with its claim, and refuses another in its own words. */
export async function guards(token) {
  const issued = claimsOf(await token(INSIDE));
  assert.equal(issued['https://claims.example/from'], INSIDE);
  const refusal = await token(OUTSIDE).then(() => assert.fail('a token'), (error) => error);
  const body = typeof refusal.body === 'string' ? JSON.parse(refusal.body) : refusal.body;
  assert.deepEqual(
    [refusal.statusCode, body.error, body.error_description],
    [400, 'invalid_request', 'not from there'],
  );
}

/** What a trial of the draft from an address answers. */
export const trial = (ip) => ({ payload: { event: { request: { ip } } } });
