// expect: refused
// Replaces Error so that the host cannot say what went wrong.
exports.onExecuteCredentialsExchange = async () => {
  for (const name of ['Error', 'TypeError', 'RangeError', 'InternalError', 'AggregateError']) {
    try {
      globalThis[name] = function () {
        return { toString: () => 'fine' };
      };
      globalThis[name].prototype = null;
    } catch (error) {
      // frozen
    }
  }
  null.property;
};
