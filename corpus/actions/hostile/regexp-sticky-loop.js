// expect: refused
// A sticky expression whose last index is set back each time.
exports.onExecuteCredentialsExchange = async () => {
  const expression = /a+/y;
  while (expression.test('aaaa')) expression.lastIndex = 0;
};
