// expect: contained
// Takes the functions on the stack from call sites of Error.prepareStackTrace.
const found = [];

exports.onExecuteCredentialsExchange = async (event, api) => {
  const own = new Set([exports.onExecuteCredentialsExchange, Error, TypeError]);
  try {
    Error.prepareStackTrace = (error, sites) => {
      for (const site of Array.isArray(sites) ? sites : []) {
        for (const name of ['getFunction', 'getThis', 'getEvalOrigin']) {
          try {
            found.push(site[name]());
          } catch (e) {
            // not given
          }
        }
      }
      return 'trace';
    };
    new Error('look').stack;
    null.property;
  } catch (error) {
    String(error.stack);
  }
  const foreign = found.filter((x) => typeof x === 'function' && !own.has(x));
  if (foreign.length > 0) api.access.deny('server_error', 'ESCAPED: a function of the host');
};
