// expect: contained
// Error.captureStackTrace on host objects.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const targets = [api, api.access, api.access.deny, event, console, require, Object.prototype];
  for (const target of targets) {
    try {
      Error.captureStackTrace(target);
    } catch (error) {
      // frozen
    }
  }
  if ({}.stack !== undefined) api.access.deny('server_error', 'ESCAPED: Object.prototype.stack');
};
