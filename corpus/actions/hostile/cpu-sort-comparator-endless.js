// expect: refused
// A comparator that never returns.
exports.onExecuteCredentialsExchange = async () => {
  return [3, 1, 2].sort(() => {
    for (;;);
  });
};
