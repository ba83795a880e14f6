// expect: refused
// Denies through proxies around the functions.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const deny = new Proxy(api.access.deny, {});
  Reflect.apply(deny, new Proxy(api.access, {}), ['invalid_request', 'no']);
};
