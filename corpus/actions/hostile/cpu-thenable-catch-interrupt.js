// expect: refused
// The then method of a thenable is interrupted; the rejection is swallowed.
exports.onExecuteCredentialsExchange = async () => {
  const thenable = {
    then() {
      for (;;);
    },
  };
  try {
    await thenable;
  } catch (error) {
    // too late already
  }
};
