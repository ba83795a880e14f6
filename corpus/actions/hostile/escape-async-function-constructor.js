// expect: contained
// The hidden constructors of async and generator functions.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const kinds = [async () => {}, async function () {}, function* () {}, async function* () {}];
  for (const kind of kinds) {
    for (const constructor of [kind.constructor, Object.getPrototypeOf(kind).constructor]) {
      let made;
      try {
        made = constructor('return 42');
      } catch (error) {
        continue;
      }
      if (constructor === Object || typeof made !== 'function') continue;
      let result;
      try {
        result = await made();
        if (typeof result.next === 'function') result = await result.next();
      } catch (error) {
        continue;
      }
      if (result === 42 || result.value === 42) {
        api.access.deny('server_error', 'ESCAPED: function constructor');
      }
    }
  }
};
