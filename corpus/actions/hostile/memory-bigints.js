// expect: refused
// Keeps large integers without end.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  let n = 1n << 4096n;
  for (;;) kept.push((n += 1n));
};
