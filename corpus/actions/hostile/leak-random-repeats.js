// expect: contained
// Looks whether random numbers repeat those of an earlier run, kept in the cache.
const { randomUUID, randomBytes } = require('crypto');

exports.onExecuteCredentialsExchange = async (event, api) => {
  const bytes = Array.from(randomBytes(16)).join(',');
  const now = [randomUUID(), randomUUID(), bytes, String(Math.random())];
  const before = api.cache.get('random')?.value ?? '';
  api.cache.set('random', now.join(' '));
  const repeated = now.some((value) => before.split(' ').includes(value));
  if (repeated || now[0] === now[1]) {
    api.access.deny('server_error', 'ESCAPED: randomness repeats');
  }
};
