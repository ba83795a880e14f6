// expect: contained
// Replaces methods of intrinsics that have no global name.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const hidden = [
    Object.getPrototypeOf([][Symbol.iterator]()),
    Object.getPrototypeOf(''[Symbol.iterator]()),
    Object.getPrototypeOf(new Map().entries()),
    Object.getPrototypeOf(new Set().values()),
    Object.getPrototypeOf('a'.matchAll(/a/g)),
    Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())),
    Object.getPrototypeOf(function* () {}).prototype,
    Object.getPrototypeOf(async function* () {}).prototype,
    Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}).prototype),
    Object.getPrototypeOf(function* () {}),
    Object.getPrototypeOf(async function* () {}),
    Object.getPrototypeOf(async () => {}),
    Object.getPrototypeOf(Uint8Array),
    Object.getPrototypeOf(Uint8Array).prototype,
  ];
  for (const object of hidden) {
    try {
      object.polluted = true;
      Object.defineProperty(object, 'polluted', { value: true });
    } catch (error) {
      // frozen
    }
    if (object.polluted) api.access.deny('server_error', 'ESCAPED: a hidden intrinsic');
  }
};
