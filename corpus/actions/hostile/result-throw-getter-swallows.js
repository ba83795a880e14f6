// expect: refused
// Throws an error whose getters answer as if all were fine.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const error = new Error('no');
  Object.defineProperty(error, 'message', {
    get() {
      api.accessToken.setCustomClaim('https://claims.example/thrown', true);
      return '';
    },
  });
  Object.defineProperty(error, 'name', { value: undefined });
  throw error;
};
