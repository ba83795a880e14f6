// expect: contained
// Leaves an accessor in the global object that cannot be removed again.
const found = Object.getOwnPropertyDescriptor(globalThis, 'leftAccessor');
try {
  Object.defineProperty(globalThis, 'leftAccessor', { get: () => 'marker', configurable: false });
} catch (error) {
  // frozen
}

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found !== undefined) api.access.deny('server_error', 'ESCAPED: a global of an earlier run');
};
