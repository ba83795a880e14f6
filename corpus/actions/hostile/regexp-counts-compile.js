// expect: refused
// Counted quantifiers that could become enormous when compiled.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) {
    const text = '(?:(?:(?:(?:xy{999}){999}){999}){999}){999}';
    new RegExp(text).test('xy'.repeat(1000));
  }
};
