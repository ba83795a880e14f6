// A well-known mistake: "=" instead of "===". It must run, and do what it says.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (
    event.resource_server.identifier = 'https://other.example/' &&
    event.client.metadata.partner !== 'yes'
  ) {
    api.access.deny('invalid_request', 'Partners only');
  }
};
