// expect: refused
// Denies and then overwrites every property of api.
exports.onExecuteCredentialsExchange = async (event, api) => {
  api.access.deny('invalid_request', 'no');
  const clear = (object, depth) => {
    for (const key of Reflect.ownKeys(object)) {
      const value = object[key];
      if (depth > 0 && value === Object(value)) clear(value, depth - 1);
      try {
        object[key] = undefined;
        delete object[key];
      } catch (error) {
        // frozen
      }
    }
  };
  clear(api, 3);
  clear(event, 3);
  clear(module, 2);
};
