// Reads the environment and the service from the name of the client.
const PATTERN = /^(?<service>[a-z]+(?:-[a-z]+)*)-(?<stage>prod|stage|dev)(?:-(?<number>\d+))?$/;

exports.onExecuteCredentialsExchange = async (event, api) => {
  const match = PATTERN.exec(event.client.name);
  if (!match) {
    return api.access.deny('invalid_request', `The name ${event.client.name} follows no rule.`);
  }
  const { service, stage, number = '1' } = match.groups;
  api.accessToken.setCustomClaim('https://claims.example/service', {
    service: service.replace(/-([a-z])/g, (_, letter) => letter.toUpperCase()),
    stage,
    number: parseInt(number, 10),
    words: [...service.matchAll(/[a-z]+/g)].map(([word]) => word),
  });
};
