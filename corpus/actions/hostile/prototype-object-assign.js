// expect: contained
// Adds properties to Object.prototype by assignment.
exports.onExecuteCredentialsExchange = async (event, api) => {
  try {
    Object.prototype.polluted = true;
    Object.prototype.denied = false;
    ({}).__proto__.polluted = true;
    ({}).constructor.prototype.polluted = true;
    event.__proto__.polluted = true;
  } catch (error) {
    // frozen
  }
  if ({}.polluted || [].polluted) api.access.deny('server_error', 'ESCAPED: Object.prototype');
};
