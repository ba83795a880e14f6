// expect: refused
// A date whose toISOString calls toJSON again.
exports.onExecuteCredentialsExchange = async () => {
  const date = new Date(0);
  Object.defineProperty(date, 'toISOString', { value: () => date.toJSON() });
  return date.toJSON();
};
