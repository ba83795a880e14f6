// expect: refused
// The source does not parse.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (event.request.ip === '203.0.113.7' {
    api.access.deny('invalid_request', 'no');
  }
};
