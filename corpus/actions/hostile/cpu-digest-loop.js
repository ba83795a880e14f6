// expect: refused
// Hashes without end, to spend the time inside host functions.
const { createHash } = require('crypto');

exports.onExecuteCredentialsExchange = async () => {
  let text = 'seed';
  for (;;) text = createHash('sha256').update(text).digest('hex');
};
