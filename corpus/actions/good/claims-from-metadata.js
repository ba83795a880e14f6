// Copies what is known about the client into the token.
const NAMESPACE = 'https://claims.example/';

exports.onExecuteCredentialsExchange = async (event, api) => {
  const { tier = 'free', region = 'eu' } = event.client.metadata;
  api.accessToken.setCustomClaim(`${NAMESPACE}tier`, tier);
  api.accessToken.setCustomClaim(`${NAMESPACE}region`, region);
  api.accessToken.setCustomClaim(`${NAMESPACE}client`, {
    id: event.client.client_id,
    name: event.client.name,
  });
};
