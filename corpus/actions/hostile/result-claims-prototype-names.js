// expect: contained
// Claims named like the properties that every object has.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const name of ['__proto__', 'constructor', 'prototype', 'toString', 'valueOf', 'toJSON']) {
    try {
      api.accessToken.setCustomClaim(name, { admin: true });
      api.accessToken.setCustomClaim(`https://claims.example/${name}`, { [name]: 1 });
    } catch (error) {
      // refused
    }
  }
  api.accessToken.setCustomClaim('https://claims.example/j', JSON.parse('{"__proto__":{"x":1}}'));
  if ({}.admin || {}.x) api.access.deny('server_error', 'ESCAPED: a claim changed a prototype');
};
