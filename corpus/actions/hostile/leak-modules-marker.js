// expect: contained
// Leaves marks on the modules that can be required.
const places = ['crypto', 'ipaddr.js', 'keyward/ip'].flatMap((name) => {
  const module = require(name);
  return [module, ...Object.values(module).filter((value) => value === Object(value))];
});
const found = places.some((place) => place.leftBehind !== undefined);
for (const place of places) Reflect.defineProperty(place, 'leftBehind', { value: 'marker' });

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found) api.access.deny('server_error', 'ESCAPED: a mark of an earlier run');
};
