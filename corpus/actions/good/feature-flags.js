// Flags as JSON in the metadata; what is not JSON counts as none.
const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  const flags = parse(event.client.metadata.flags);
  const on = Object.keys(flags).filter((name) => flags[name]);
  api.accessToken.setCustomClaim('https://claims.example/flags', on);
};
