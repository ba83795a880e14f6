// expect: refused
// Waits for a thousand promises of which one never settles.
exports.onExecuteCredentialsExchange = async () => {
  const list = Array.from({ length: 1000 }, (x, i) => Promise.resolve(i));
  list.push(new Promise(() => {}));
  await Promise.all(list);
};
