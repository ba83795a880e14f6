// expect: contained
// Shared memory, by name and by the ways around it.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let shared;
  try {
    shared = new SharedArrayBuffer(8);
  } catch (error) {
    // no such thing
  }
  try {
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    shared = shared ?? memory.buffer;
  } catch (error) {
    // no such thing
  }
  if (shared) api.access.deny('server_error', 'ESCAPED: shared memory');
};
