// expect: contained
// Looks for secrets anywhere but in its own event.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const seen = new Set([event, event.secrets]);
  const places = [globalThis, api, console, require, module];
  for (let i = 0; i < places.length && i < 3000; i++) {
    for (const key of Reflect.ownKeys(places[i])) {
      if (/secret|password|pepper|private_?key|client_secret/i.test(String(key))) {
        api.access.deny('server_error', `ESCAPED: found ${String(key)}`);
      }
      const value = Reflect.getOwnPropertyDescriptor(places[i], key)?.value;
      if (value === Object(value) && !seen.has(value)) {
        seen.add(value);
        places.push(value);
      }
    }
  }
};
