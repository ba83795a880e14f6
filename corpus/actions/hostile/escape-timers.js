// expect: contained
// Timers, and timers that take code as text.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let ran = false;
  for (const name of ['setTimeout', 'setInterval', 'setImmediate']) {
    try {
      globalThis[name]('ran = true', 0);
      globalThis[name](() => {
        ran = true;
      }, 0);
    } catch (error) {
      // no timers
    }
  }
  for (let i = 0; i < 100; i++) await null;
  if (ran) api.access.deny('server_error', 'ESCAPED: a timer');
};
