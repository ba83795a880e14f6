// expect: refused
// Each microtask starts two others.
exports.onExecuteCredentialsExchange = () => {
  return new Promise(() => {
    const split = () => {
      Promise.resolve().then(split);
      Promise.resolve().then(split);
    };
    split();
  });
};
