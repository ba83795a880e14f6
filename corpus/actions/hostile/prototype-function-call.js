// expect: contained
// Replaces call, apply and bind, with which hosts like to call functions.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let seen = 0;
  for (const name of ['call', 'apply', 'bind', 'toString', Symbol.hasInstance]) {
    const replacement = function () {
      seen += 1;
      return () => {};
    };
    try {
      Function.prototype[name] = replacement;
      Object.defineProperty(Function.prototype, name, { value: replacement });
    } catch (error) {
      // frozen
    }
  }
  console.log('call');
  api.accessToken.setCustomClaim('https://claims.example/a', 1);
  (() => {}).call();
  if (seen > 0) api.access.deny('server_error', 'ESCAPED: Function.prototype');
};
