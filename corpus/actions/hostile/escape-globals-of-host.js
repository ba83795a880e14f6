// expect: contained
// Helpers that the host may have left in the global object.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const names = Reflect.ownKeys(globalThis).map(String);
  const odd = names.filter((name) => /^_|\$|native|host|bridge|bootstrap/i.test(name));
  if (odd.length > 0) api.access.deny('server_error', `ESCAPED: ${odd.join(' ')}`);
};
