// expect: contained
// Changes the caller's values through the aliased arguments of sloppy functions.
exports.onExecuteCredentialsExchange = function (event, api) {
  const keptApi = api;
  arguments[0] = { client: { client_id: 'other', allowlist: { mode: 'off', entries: [] } } };
  arguments[1] = undefined;
  event.client.allowlist.mode = 'off';
  arguments.length = 0;
  if (arguments.callee !== exports.onExecuteCredentialsExchange) {
    keptApi.access.deny('server_error', 'ESCAPED: wrapped handler');
  }
};
