// expect: contained
// Changes random bytes and digests, if they are views of memory in use.
const crypto = require('crypto');

exports.onExecuteCredentialsExchange = async (event, api) => {
  const digest = () => crypto.createHash('sha256').update('same').digest();
  const first = digest();
  const before = first[0];
  first.fill?.(0x5a);
  crypto.randomBytes(32).fill?.(0x5a);
  if (digest()[0] !== before) api.access.deny('server_error', 'ESCAPED: memory of a digest');
};
