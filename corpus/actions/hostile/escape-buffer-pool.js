// expect: contained
// Climbs from host bytes to the memory they may lie in.
const { createHash, randomBytes } = require('crypto');

exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const bytes of [createHash('sha256').update('x').digest(), randomBytes(16)]) {
    const buffer = bytes.buffer;
    if (buffer && buffer.byteLength > bytes.length) {
      api.access.deny('server_error', 'ESCAPED: memory beside the bytes');
    }
  }
};
