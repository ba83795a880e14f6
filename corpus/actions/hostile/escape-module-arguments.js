// expect: contained
// Looks through the arguments of the module function for more than it should have.
const known = [exports, require, module, console, globalThis, globalThis.Buffer];
const extra = [...arguments].filter((x) => x !== Object(x) || !known.includes(x));

exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const thing of extra) {
    const isPath = typeof thing === 'string' && /^\/(home|root|src|tmp|usr|var)\//.test(thing);
    if (isPath || thing === Object(thing)) {
      api.access.deny('server_error', `ESCAPED: an argument of type ${typeof thing}`);
    }
  }
};
