// expect: refused
// String.raw of an object that says it has many parts.
exports.onExecuteCredentialsExchange = async () => {
  return String.raw({ raw: { length: 2 ** 53 - 1 } }, 'x');
};
