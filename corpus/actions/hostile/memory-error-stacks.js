// expect: refused
// Errors that are kept with their stack traces.
const fail = (depth) => (depth === 0 ? new Error('kept') : fail(depth - 1));

exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  for (;;) kept.push(fail(20));
};
