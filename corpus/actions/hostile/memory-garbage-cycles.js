// expect: refused
// Garbage in cycles without end, which only the cycle collector can free.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) {
    const a = {};
    const b = { a };
    a.b = b;
  }
};
