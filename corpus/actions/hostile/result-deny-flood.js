// expect: refused
// Denies without end, with a longer reason each time.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (let i = 0; ; i++) api.access.deny('invalid_request', 'no '.repeat(i));
};
