// expect: refused
// Squares an integer without end.
exports.onExecuteCredentialsExchange = async () => {
  let n = 3n;
  for (;;) n *= n;
};
