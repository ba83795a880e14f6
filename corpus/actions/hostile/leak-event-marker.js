// expect: contained
// Changes the event and looks for changes of an earlier run.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const places = [
    event, event.client, event.client.metadata, event.client.allowlist.entries, event.request,
    event.request.body, event.request.geoip, event.secrets, event.tenant, event.configuration,
    event.transaction.requested_scopes, event.accessToken.customClaims,
  ];
  const found = places.some((place) => place?.leftBehind !== undefined);
  for (const place of places) {
    if (place) Reflect.defineProperty(place, 'leftBehind', { value: 'marker' });
  }
  if (found) api.access.deny('server_error', 'ESCAPED: a mark of an earlier run');
};
