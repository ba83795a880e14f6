// expect: refused
// Each finally callback waits for another one.
exports.onExecuteCredentialsExchange = () => {
  const again = () => Promise.resolve().finally(again);
  return again();
};
