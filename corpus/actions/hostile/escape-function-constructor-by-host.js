// expect: contained
// The Function constructor by way of what the host handed in.
const works = (attempt) => {
  try {
    return attempt() === 42;
  } catch (error) {
    return false;
  }
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  const code = 'return 42';
  const given = [
    event,
    event.client,
    event.request.body,
    api,
    api.access,
    api.access.deny,
    api.accessToken.setCustomClaim,
    api.cache,
    api.cache.get,
    api.transaction,
    console,
    console.log,
    require,
    module,
    exports,
    require('crypto'),
    require('crypto').createHash,
    require('crypto').createHash('sha256'),
    require('crypto').randomBytes(1),
    require('ipaddr.js'),
    require('keyward/ip').parse,
  ];
  const attempts = given.flatMap((thing) => [
    () => thing.constructor(code)(),
    () => thing.constructor.constructor(code)(),
    () => Object.getPrototypeOf(thing).constructor.constructor(code)(),
  ]);
  if (attempts.some(works)) api.access.deny('server_error', 'ESCAPED: Function of the host');
};
