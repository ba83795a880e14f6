// expect: refused
// Lists the keys of a long string object.
exports.onExecuteCredentialsExchange = async () => {
  const text = Object('x'.repeat(2 ** 22));
  for (;;) Reflect.ownKeys(text);
};
