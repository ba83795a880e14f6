// expect: contained
// Looks for objects whose prototypes belong to another realm.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const things = {
    event,
    body: event.request.body,
    scopes: event.transaction.requested_scopes,
    api,
    access: api.access,
    deny: api.access.deny,
    cache: api.cache,
    require,
    module,
    console,
    log: console.log,
    crypto: require('crypto'),
    hash: require('crypto').createHash('sha256'),
  };
  for (const [name, thing] of Object.entries(things)) {
    let end = thing;
    let steps = 0;
    while (Object.getPrototypeOf(end) !== null && steps++ < 20) end = Object.getPrototypeOf(end);
    const foreign = end !== Object.prototype && Object.hasOwn(end, 'hasOwnProperty');
    if (foreign) api.access.deny('server_error', `ESCAPED: ${name} is of another realm`);
  }
};
