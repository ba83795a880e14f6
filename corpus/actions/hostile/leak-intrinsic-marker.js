// expect: contained
// Leaves marks on intrinsic objects.
const places = [
  Object, Object.prototype, Array.prototype, Function.prototype, Promise.prototype, Math, JSON,
  Reflect, Symbol, Error, Map.prototype.get, Array.prototype.push,
  Object.getPrototypeOf([][Symbol.iterator]()), Object.getPrototypeOf(async () => {}),
];
const found = places.some((place) => place.leftBehind !== undefined);
for (const place of places) {
  Reflect.defineProperty(place, 'leftBehind', { value: 'marker' });
}

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found) api.access.deny('server_error', 'ESCAPED: a mark of an earlier run');
};
