// expect: refused
// Sorts large arrays of strings with the built-in order, over and over.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  for (let i = 0; i < 20000; i++) list.push(`${'x'.repeat(60)}${(i * 7919) % 20011}`);
  for (;;) [...list].sort();
};
