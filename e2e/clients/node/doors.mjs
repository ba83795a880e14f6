// Where requests come from, and both doors: the token endpoint, and the guarded API behind nginx.
import assert from 'node:assert/strict';
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici';

export const { DOMAIN, CLIENT_ID, CLIENT_SECRET, GUARDED } = process.env;
export const INSIDE = '127.0.0.2';
export const OUTSIDE = '127.0.0.3';

/** Runs `call` with every request of `fetch` in this process coming from an address. */
export async function from(address, call) {
  const before = getGlobalDispatcher();
  const agent = new Agent({ localAddress: address });
  setGlobalDispatcher(agent);
  try {
    return await call();
  } finally {
    setGlobalDispatcher(before);
    await agent.close();
  }
}

/** The status of a call to the guarded API. */
export function guarded(address, token) {
  return from(address, async () => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(`${GUARDED}/orders/`, { headers });
    await response.arrayBuffer();
    return response.status;
  });
}

/** The token opens from one of the two addresses and not from the other. */
export async function opensFrom(address, token) {
  const other = address === INSIDE ? OUTSIDE : INSIDE;
  assert.equal(await guarded(address, token), 200, `from ${address}`);
  assert.equal(await guarded(other, token), 403, `from ${other}`);
}

/** What is said of a token that somebody asked for from an address that is not on the list. */
export function isRefusal(status, body) {
  const { error, error_description: text } = typeof body === 'string' ? JSON.parse(body) : body;
  assert.equal(status, 403);
  assert.equal(error, 'access_denied');
  assert.doesNotMatch(text, /list|address|127/i, 'a caller learns of no list');
}
