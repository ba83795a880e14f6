// expect: contained
// Leaves microtasks behind that may wake up in a later run.
const found = globalThis.wokenUp;

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== undefined) api.access.deny('server_error', 'ESCAPED: a microtask woke up late');
  let left = 1000;
  const sleep = () => {
    globalThis.wokenUp = 'marker';
    if (left-- > 0) return Promise.resolve().then(sleep);
    return api.accessToken.setCustomClaim('https://claims.example/late', 'marker');
  };
  Promise.resolve().then(sleep);
};
