// expect: refused
// Bound functions with many bound arguments.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  const args = new Array(1000).fill('argument');
  for (;;) kept.push(Math.max.bind(null, ...args));
};
