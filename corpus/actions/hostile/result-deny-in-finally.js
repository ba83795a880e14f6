// expect: refused
// Denies in a finally block while an odd value is thrown.
exports.onExecuteCredentialsExchange = async (event, api) => {
  try {
    throw undefined;
  } finally {
    api.access.deny('invalid_request', 'no');
    return 'fine';
  }
};
