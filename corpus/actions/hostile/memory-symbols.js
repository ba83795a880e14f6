// expect: refused
// Symbols with long descriptions without end.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  for (let i = 0; ; i++) kept.push(Symbol('description '.repeat(10) + i));
};
