// expect: contained
// Is stopped on purpose after marking everything, so that the next run may find it.
const found = globalThis.stoppedBefore;
globalThis.stoppedBefore = 'marker';

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== undefined) {
    api.access.deny('server_error', 'ESCAPED: a stopped run left its realm behind');
    return;
  }
  for (;;);
};
