// Sloppy code that forgot its declarations.
exports.onExecuteCredentialsExchange = async (event, api) => {
  label = event.client.name;
  for (i = 0; i < 3; i++) label += '!';
  result = { label: label, count: i };
  event.client.name = 'changed';
  delete event.request.user_agent;
  api.accessToken.setCustomClaim('https://claims.example/sloppy', result);
};
