// Several checks that wait for each other.
const known = async (event) => event.client.name.length > 0;
const language = async (event) => {
  await null;
  return ['en', 'de'].includes(event.request.language);
};
const host = (event) => Promise.resolve(event.request.hostname.endsWith('.example'));

exports.onExecuteCredentialsExchange = async (event, api) => {
  const results = await Promise.all([known(event), language(event), host(event)]);
  if (!results.every(Boolean)) {
    const failed = results.map((ok, i) => (ok ? null : i)).filter((i) => i !== null);
    return api.access.deny('invalid_request', `Failed checks: ${failed.join(', ')}`);
  }
  const settled = await Promise.allSettled([known(event), Promise.reject(new Error('no'))]);
  const states = settled.map(({ status }) => status);
  api.accessToken.setCustomClaim('https://claims.example/checks', states);
};
