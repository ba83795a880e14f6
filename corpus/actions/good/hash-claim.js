// A digest of the address instead of the address itself.
const { createHash } = require('crypto');

const sha256 = (text, encoding) => createHash('sha256').update(text, 'utf8').digest(encoding);

exports.onExecuteCredentialsExchange = async (event, api) => {
  const salted = `${event.secrets.SALT}:${event.request.ip}`;
  api.accessToken.setCustomClaim('ip_hex', sha256(salted, 'hex'));
  api.accessToken.setCustomClaim('ip_base64', sha256(salted, 'base64'));
};
