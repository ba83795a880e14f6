// expect: refused
// Copies an object with an enormous length into a typed array.
exports.onExecuteCredentialsExchange = async () => {
  const bytes = new Float64Array(2 ** 20);
  const source = { length: 2 ** 20 };
  for (;;) bytes.set(source);
};
