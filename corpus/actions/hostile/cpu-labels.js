// expect: refused
// Labelled continue statements used as a goto, never leaving the outer loop.
exports.onExecuteCredentialsExchange = async () => {
  outer: for (let i = 0; ; i++) {
    inner: for (let j = 0; ; j++) {
      if (j > 3) continue outer;
      switch (i % 3) {
        case 0:
          continue inner;
        case 1:
          break;
        default:
          continue outer;
      }
    }
  }
};
