// expect: refused
// The interruption closes iterators, whose return method loops again.
const endless = {
  [Symbol.iterator]() {
    return this;
  },
  next: () => ({ value: 1, done: false }),
  return() {
    for (;;);
  },
};

exports.onExecuteCredentialsExchange = async () => {
  try {
    for (const n of endless) {
      for (;;);
    }
  } catch (error) {
    // too late already
  }
};
