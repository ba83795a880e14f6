// expect: refused
// Built-in functions that call each other for ever, with no script between them.
exports.onExecuteCredentialsExchange = async () => {
  const args = [Reflect.apply, null, null];
  args[2] = args;
  return Reflect.apply(Reflect.apply, null, args);
};
