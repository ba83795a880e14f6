// expect: refused
// Set.prototype.forEach that deletes an element and adds it again.
exports.onExecuteCredentialsExchange = async () => {
  const set = new Set([1]);
  set.forEach((value) => {
    set.delete(value);
    set.add(value);
  });
};
