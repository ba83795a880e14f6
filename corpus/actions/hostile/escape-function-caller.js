// expect: contained
// Climbs to the calling function by Function.prototype.caller.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const found = [];
  function climb() {
    let f = climb;
    for (let i = 0; i < 10; i++) {
      try {
        f = f.caller;
      } catch (error) {
        return;
      }
      if (typeof f !== 'function') return;
      found.push(f);
    }
  }
  climb();
  [1].forEach(climb);
  `${{ toString: climb }}`;
  const own = [climb, exports.onExecuteCredentialsExchange];
  const foreign = found.filter((f) => !own.includes(f));
  if (foreign.length > 0) api.access.deny('server_error', 'ESCAPED: climbed to a caller');
};
