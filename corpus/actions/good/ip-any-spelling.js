// Compares addresses however they are spelled in the secret.
const { isValid, parse } = require('keyward/ip');

exports.onExecuteCredentialsExchange = async (event, api) => {
  const entries = event.secrets.ADDRESSES.split(',').map((entry) => entry.trim());
  const wrong = entries.filter((entry) => !isValid(entry));
  if (wrong.length > 0) {
    console.error(`not an address: ${wrong.join(', ')}`);
    return api.access.deny('server_error', 'Invalid configuration');
  }
  const known = new Set(entries.map((entry) => parse(entry)));
  if (!known.has(parse(event.request.ip))) {
    return api.access.deny('invalid_request', 'Access denied for this IP address');
  }
};
