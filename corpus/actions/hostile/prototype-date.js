// expect: contained
// Stops the clock for everybody who asks later.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const wrong = () => 0;
  try {
    Date.now = wrong;
    Date.prototype.getTime = wrong;
    Date.prototype[Symbol.toPrimitive] = wrong;
    Object.defineProperty(Date, 'now', { value: wrong });
  } catch (error) {
    // frozen
  }
  if (Date.now() === 0 || new Date(5).getTime() === 0) {
    api.access.deny('server_error', 'ESCAPED: Date');
  }
};
