// expect: contained
// Leaves marks on the functions of api, if they are shared between runs.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const places = [
    api, api.access, api.access.deny, api.accessToken, api.accessToken.setCustomClaim, api.cache,
    api.cache.get, api.cache.set, api.cache.delete, api.transaction,
    api.transaction.addTargetScope, api.transaction.setTargetScopes,
  ];
  const found = places.some((place) => place.leftBehind !== undefined);
  for (const place of places) Reflect.defineProperty(place, 'leftBehind', { value: 'marker' });
  if (found) api.access.deny('server_error', 'ESCAPED: a mark of an earlier run');
};
