// expect: refused
// Formats numbers in their longest forms without end.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; ; i++) {
    `${(1e-300 * i).toFixed(100)}${(1e300 + i).toString(2)}${(5e-324).toString(3)}`;
  }
};
