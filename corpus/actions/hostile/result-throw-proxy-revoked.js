// expect: refused
// Throws a revoked proxy.
exports.onExecuteCredentialsExchange = async () => {
  const { proxy, revoke } = Proxy.revocable(new Error('no'), {});
  revoke();
  throw proxy;
};
