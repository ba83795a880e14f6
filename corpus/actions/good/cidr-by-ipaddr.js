// Ranges in a secret, checked with the usual library for addresses.
const ipaddr = require('ipaddr.js');

const inRange = (address, range) => {
  const [network, bits] = ipaddr.parseCIDR(range.trim());
  return address.kind() === network.kind() && address.match(network, bits);
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (!event.secrets.RANGES || !ipaddr.isValid(event.request.ip)) {
    return api.access.deny('server_error', 'Invalid configuration');
  }
  const address = ipaddr.process(event.request.ip);
  if (!event.secrets.RANGES.split(',').some((range) => inRange(address, range))) {
    return api.access.deny('invalid_request', `${address.toString()} is outside of all ranges`);
  }
  api.accessToken.setCustomClaim('https://claims.example/ip-kind', address.kind());
};
