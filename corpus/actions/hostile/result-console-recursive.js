// expect: refused
// Writes to the log from within the conversion of what is written to the log.
exports.onExecuteCredentialsExchange = async () => {
  const value = {
    toString() {
      console.log(String(value));
      return 'never';
    },
  };
  console.log(String(value));
};
