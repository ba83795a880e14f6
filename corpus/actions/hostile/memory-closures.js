// expect: refused
// Closures that each keep a scope of their own.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  for (let i = 0; ; i++) {
    const text = `scope ${i}`;
    kept.push(() => text);
  }
};
