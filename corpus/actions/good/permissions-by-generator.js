// Flattens nested permissions from the metadata.
function* flatten(node, path = []) {
  for (const [key, value] of Object.entries(node)) {
    if (value === true) yield [...path, key].join(':');
    else if (value && typeof value === 'object') yield* flatten(value, [...path, key]);
  }
}

exports.onExecuteCredentialsExchange = async (event, api) => {
  const tree = JSON.parse(event.client.metadata.rights ?? '{}');
  const rights = [...flatten(tree)].sort();
  if (rights.length > 0) api.accessToken.setCustomClaim('https://claims.example/rights', rights);
};
