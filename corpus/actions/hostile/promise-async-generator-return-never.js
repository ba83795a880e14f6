// expect: refused
// Leaving the loop waits for a generator that never lets go.
async function* clinging() {
  try {
    yield 1;
  } finally {
    await new Promise(() => {});
  }
}

exports.onExecuteCredentialsExchange = async () => {
  for await (const value of clinging()) break;
};
