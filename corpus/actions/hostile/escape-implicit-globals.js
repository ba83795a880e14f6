// expect: contained
// Assignments to names that were never declared.
exports.onExecuteCredentialsExchange = async (event, api) => {
  undefined = 42;
  NaN = 1;
  Infinity = 1;
  globalThis.undefined = 42;
  onExecuteCredentialsExchange = null;
  if (void 0 !== undefined || NaN === NaN || Infinity === 1) {
    api.access.deny('server_error', 'ESCAPED: redefined undefined');
  }
};
