// expect: refused
// Reads a property whose getter never returns.
exports.onExecuteCredentialsExchange = async () => {
  const slow = {
    get value() {
      for (;;);
    },
  };
  return slow.value;
};
