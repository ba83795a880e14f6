// expect: refused
// Fills the memory while promises are pending, then waits for ever.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  try {
    for (;;) kept.push(Promise.resolve(kept).then(() => new Array(1000)));
  } catch (error) {
    await new Promise(() => {});
  }
};
