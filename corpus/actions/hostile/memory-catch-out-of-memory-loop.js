// expect: refused
// Runs out of memory, catches that, frees all and starts again.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) {
    const kept = [];
    try {
      for (;;) kept.push(new Array(1000).fill(0));
    } catch (error) {
      kept.length = 0;
    }
  }
};
