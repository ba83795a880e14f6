// expect: refused
// A callback of String.prototype.replace that never returns.
exports.onExecuteCredentialsExchange = async (event) => {
  return event.request.ip.replace(/\d/g, () => {
    for (;;);
  });
};
