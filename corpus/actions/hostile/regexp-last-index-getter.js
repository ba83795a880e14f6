// expect: refused
// Conversion of the last index never returns.
exports.onExecuteCredentialsExchange = async () => {
  const expression = /a/g;
  expression.lastIndex = {
    valueOf() {
      for (;;);
    },
  };
  return expression.test('a');
};
