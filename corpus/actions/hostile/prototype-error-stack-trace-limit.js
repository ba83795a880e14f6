// expect: contained
// Odd limits for stack traces.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const limits = [Infinity, -1, NaN, 2 ** 31, '10', {}, { valueOf: () => 1e9 }, undefined];
  for (const limit of limits) {
    try {
      Error.stackTraceLimit = limit;
    } catch (error) {
      // frozen
    }
    const fail = (n) => (n === 0 ? new Error('trace').stack : fail(n - 1));
    if (String(fail(50)).length > 100000) {
      api.access.deny('server_error', 'ESCAPED: a trace without limit');
    }
  }
};
