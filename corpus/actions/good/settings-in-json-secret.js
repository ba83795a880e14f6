// Settings as JSON in a secret; a mistake there is logged and refused.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let settings;
  try {
    settings = JSON.parse(event.secrets.SETTINGS);
  } catch (error) {
    console.error('SETTINGS is not JSON:', error.message);
    return api.access.deny('server_error', 'Invalid configuration');
  }
  const { claims = {}, denied = [] } = settings;
  if (denied.includes(event.client.client_id)) {
    return api.access.deny('invalid_request', 'Not this client.');
  }
  Object.entries(claims).forEach(([name, value]) => {
    api.accessToken.setCustomClaim(`https://claims.example/${name}`, value);
  });
};
