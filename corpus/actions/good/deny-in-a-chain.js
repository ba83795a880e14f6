// The checks one after the other, each returning its refusal.
const refuse = (api, reason) => api.access.deny('invalid_request', reason);

exports.onExecuteCredentialsExchange = async (event, api) => {
  const { body, user_agent: agent } = event.request;
  if (agent === undefined) return refuse(api, 'Say who you are.');
  if (/\b(?:bot|spider)\b/i.test(agent)) return refuse(api, 'No robots.');
  if (body.grant_type !== 'client_credentials') return refuse(api, 'Wrong grant.');
  if (body.audience !== event.resource_server.identifier) return refuse(api, 'Wrong audience.');
  return undefined;
};
