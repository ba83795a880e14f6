// expect: refused
// Replaces every global name that can be replaced, after a denial.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  const fake = new Proxy(function () {}, { get: () => fake, apply: () => fake });
  for (const name of Reflect.ownKeys(globalThis)) {
    try {
      globalThis[name] = fake;
      Object.defineProperty(globalThis, name, { value: fake });
    } catch (error) {
      // frozen
    }
  }
};
