// Writes to the log in every way there is; none of it may disturb the token.
exports.onExecuteCredentialsExchange = async (event, api) => {
  console.log('plain', 1, true, null, undefined, { a: [1, 2, { b: 3 }] });
  console.info('info %s', event.client.client_id);
  console.warn(new Map([[1, 2]]), new Set([1]), Symbol('x'), 1n);
  console.error(new TypeError('only a test'));
  console.debug();
  console.trace('here');
  console.log(JSON.stringify(event, null, 2));
  api.accessToken.setCustomClaim('https://claims.example/logged', true);
};
