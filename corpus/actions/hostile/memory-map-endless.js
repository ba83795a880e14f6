// expect: refused
// A map that grows without end.
exports.onExecuteCredentialsExchange = async () => {
  const map = new Map();
  for (let i = 0; ; i++) map.set(`key ${i}`, i);
};
