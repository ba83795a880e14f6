// expect: contained
// Fails on purpose after marking everything, so that the next run may find it.
const found = globalThis.failedBefore ?? Object.prototype.failedBefore;
globalThis.failedBefore = 'marker';
Reflect.defineProperty(Object.prototype, 'failedBefore', { value: 'marker' });

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== undefined) {
    api.access.deny('server_error', 'ESCAPED: a failed run left its realm behind');
    return;
  }
  throw new Error('next, please');
};
