// expect: refused
// The exports are a proxy whose traps never return.
const never = () => {
  for (;;);
};
module.exports = new Proxy({}, { get: never, has: never, getOwnPropertyDescriptor: never });
