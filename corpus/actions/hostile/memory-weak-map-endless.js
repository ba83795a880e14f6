// expect: refused
// A weak map whose keys are all kept.
exports.onExecuteCredentialsExchange = async () => {
  const keys = [];
  const map = new WeakMap();
  for (;;) {
    const key = {};
    keys.push(key);
    map.set(key, keys);
  }
};
