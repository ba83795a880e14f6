// The same list as people write it: with spaces, line ends, empty entries and remarks.
const clean = (line) => line.replace(/#.*$/, '').trim();

exports.onExecuteCredentialsExchange = async (event, api) => {
  const addresses = (event.secrets.ALLOW_LIST ?? '')
    .split(/[\n,;]/)
    .map(clean)
    .filter((line) => line !== '');

  if (addresses.length === 0) {
    api.access.deny('server_error', 'Invalid configuration');
    return;
  }
  if (!addresses.some((address) => address === event.request.ip)) {
    api.access.deny('invalid_request', 'Access denied for this IP address');
  }
};
