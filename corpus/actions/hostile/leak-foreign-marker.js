// expect: contained
// Looks everywhere for the marker of another run, given in body.marker.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const own = event.request.body.marker ?? 'marker-none';
  const seen = new Set();
  const places = [globalThis, event, api, console, require, module];
  for (let i = 0; i < places.length && i < 3000; i++) {
    for (const key of Reflect.ownKeys(places[i])) {
      const value = Reflect.getOwnPropertyDescriptor(places[i], key)?.value;
      if (typeof value === 'string' && /^marker-/.test(value) && value !== own) {
        api.access.deny('server_error', `ESCAPED: found ${value}`);
      }
      if (value === Object(value) && !seen.has(value)) {
        seen.add(value);
        places.push(value);
      }
    }
  }
  for (const place of [globalThis, event.client, api, api.cache, console, require, module]) {
    Reflect.set(place, 'keptMarker', own);
  }
};
