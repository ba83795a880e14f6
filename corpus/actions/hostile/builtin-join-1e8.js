// expect: refused
// Joins a hundred million holes.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array(1e8).join('x');
};
