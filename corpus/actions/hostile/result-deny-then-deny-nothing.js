// expect: refused
// Denies and then calls the function again with nothing, to clear what it holds.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  for (const args of [[], [undefined], [null], [''], [false], [{}], ['allow'], ['ok', 'yes']]) {
    try {
      api.access.deny(...args);
    } catch (error) {
      // refused
    }
  }
};
