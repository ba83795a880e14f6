// expect: refused
// Concatenates an object that says it is a very long list.
exports.onExecuteCredentialsExchange = async () => {
  const list = { length: 2 ** 53 - 1, [Symbol.isConcatSpreadable]: true };
  for (;;) [].concat(list);
};
