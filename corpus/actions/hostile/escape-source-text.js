// expect: contained
// The source text of host functions, for names and paths of the host.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const { createHash } = require('crypto');
  const functions = [api.access.deny, api.cache.set, console.log, require, createHash];
  for (const f of functions) {
    const text = Function.prototype.toString.call(f);
    if (/\/(home|root|src|usr|tmp)\/|\.rs\b/.test(text)) {
      api.access.deny('server_error', 'ESCAPED: a path of the host');
    }
  }
};
