// expect: refused
// Denies and then returns what an allowed answer may look like.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  return { answer: 'allowed', allowed: true, denied: null, claims: {}, error: undefined };
};
