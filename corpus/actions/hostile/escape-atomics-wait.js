// expect: contained
// Sleeps in Atomics.wait, where no engine can be interrupted.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let slept;
  try {
    slept = Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60000);
  } catch (error) {
    // not allowed to sleep
  }
  if (slept) api.access.deny('server_error', 'ESCAPED: slept');
};
