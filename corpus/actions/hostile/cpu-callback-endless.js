// expect: refused
// A callback of a built-in function that never returns.
exports.onExecuteCredentialsExchange = async () => {
  [1].forEach(() => {
    for (;;);
  });
};
