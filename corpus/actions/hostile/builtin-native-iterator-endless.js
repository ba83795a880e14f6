// expect: refused
// An endless iterator made of built-in functions alone.
exports.onExecuteCredentialsExchange = async () => {
  const endless = { [Symbol.iterator]: () => ({ next: Object }) };
  return new Set(endless);
};
