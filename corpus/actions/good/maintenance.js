// One secret switches everything off.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if ((event.secrets.MAINTENANCE || 'off').toLowerCase() === 'on') {
    return api.access.deny('server_error', 'Down for maintenance.');
  }
};
