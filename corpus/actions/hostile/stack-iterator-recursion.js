// expect: refused
// An iterator that spreads itself.
exports.onExecuteCredentialsExchange = async () => {
  const endless = {
    [Symbol.iterator]() {
      return [...this];
    },
  };
  return [...endless];
};
