// expect: refused
// Fills the memory to the last byte and then throws while nothing is left.
const kept = [];

exports.onExecuteCredentialsExchange = async () => {
  for (let size = 2 ** 20; size >= 1; size = Math.floor(size / 2)) {
    try {
      for (;;) kept.push(new Uint8Array(size));
    } catch (error) {
      // smaller pieces
    }
  }
  throw new Error(`full: ${kept.length}`);
};
