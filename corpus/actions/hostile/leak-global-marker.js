// expect: contained
// Leaves a mark in the global object and looks for one of an earlier run.
const found = globalThis.leftBehind;
globalThis.leftBehind = 'marker';

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== undefined) api.access.deny('server_error', 'ESCAPED: a global of an earlier run');
};
