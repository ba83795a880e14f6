// expect: refused
// After its failure the handler awaits in a finally block without end.
exports.onExecuteCredentialsExchange = async () => {
  try {
    throw new Error('start');
  } finally {
    for (;;) await null;
  }
};
