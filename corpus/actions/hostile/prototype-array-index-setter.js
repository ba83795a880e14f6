// expect: contained
// A setter at an index of Array.prototype, met by every push onto an empty array.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let seen;
  try {
    Object.defineProperty(Array.prototype, '0', {
      set(value) {
        seen = value;
      },
    });
  } catch (error) {
    // frozen
  }
  console.log('look', { at: 'this' });
  api.accessToken.setCustomClaim('https://claims.example/a', [1]);
  if (seen !== undefined) api.access.deny('server_error', 'ESCAPED: Array.prototype[0]');
};
