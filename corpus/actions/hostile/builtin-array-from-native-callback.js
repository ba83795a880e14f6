// expect: refused
// Array.from with a callback that is itself built in.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) Array.from({ length: 1e6 }, Number);
};
