// Networks that must not come in, one a line in a secret, with remarks.
const ip = require('keyward/ip');

exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const line of event.secrets.BLOCKED.split('\n')) {
    const network = line.split('#')[0].trim();
    if (network && ip.contains(network, event.request.ip)) {
      return api.access.deny('invalid_request', 'This network is blocked.');
    }
  }
};
