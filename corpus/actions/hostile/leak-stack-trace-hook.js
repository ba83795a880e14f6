// expect: contained
// Leaves hooks for stack traces behind.
const found = [Error.prepareStackTrace, Error.stackTraceLimit];
try {
  Error.prepareStackTrace = () => 'marker';
  Error.stackTraceLimit = 7.5;
} catch (error) {
  // frozen
}

exports.onExecuteCredentialsExchange = async (event, api) => {
  const hook = typeof found[0] === 'function' && found[0]() === 'marker';
  const limit = found[1] === 7.5;
  if (hook || limit) api.access.deny('server_error', 'ESCAPED: a hook of an earlier run');
};
