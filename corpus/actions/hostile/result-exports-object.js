// expect: refused
// The exported handler is an object that looks like a function.
exports.onExecuteCredentialsExchange = {
  call: () => {},
  apply: () => {},
  [Symbol.toStringTag]: 'Function',
};
