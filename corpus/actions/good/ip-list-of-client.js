// A list per client in its metadata, with networks in CIDR form.
const ip = require('keyward/ip');

exports.onExecuteCredentialsExchange = async (event, api) => {
  const list = (event.client.metadata.ip_allowlist ?? '').split(/[\s,]+/).filter(Boolean);
  if (list.length === 0) return;

  if (!ip.matches(list, event.request.ip)) {
    console.warn('refused', event.request.ip, 'for', event.client.client_id);
    return api.access.deny('invalid_request', 'Access denied for this IP address');
  }
  const found = ip.find(list, event.request.ip) !== undefined;
  api.accessToken.setCustomClaim('https://claims.example/network-known', found);
};
