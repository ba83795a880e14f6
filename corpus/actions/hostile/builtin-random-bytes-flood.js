// expect: refused
// Asks for random bytes without end.
const { randomBytes } = require('crypto');

exports.onExecuteCredentialsExchange = async () => {
  for (;;) randomBytes(65536);
};
