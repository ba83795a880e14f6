// One list for all clients: the addresses in the secret ALLOW_LIST, separated by commas.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const { ALLOW_LIST } = event.secrets;
  if (!ALLOW_LIST) return api.access.deny('server_error', 'Invalid configuration');

  const addresses = ALLOW_LIST.split(',');
  if (!addresses.includes(event.request.ip)) {
    return api.access.deny('invalid_request', 'Access denied for this IP address');
  }
};
