// expect: refused
// Hashes a large text over and over, so that one host call takes long.
const { createHash } = require('crypto');

exports.onExecuteCredentialsExchange = async () => {
  const text = 'a'.repeat(4 * 1024 * 1024);
  for (;;) createHash('sha256').update(text).update(text).digest('hex');
};
