// expect: refused
// Denies with half of a character, which is not valid UTF-8.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no \ud800');
};
