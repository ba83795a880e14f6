// expect: contained
// Values that contain themselves, are shared very often, or are very deep.
exports.onExecuteCredentialsExchange = async () => {
  const cyclic = { name: 'cyclic' };
  cyclic.self = cyclic;
  let shared = { x: 1 };
  for (let i = 0; i < 40; i++) shared = { a: shared, b: shared };
  let deep = [];
  for (let i = 0; i < 20000; i++) deep = [deep];
  for (const value of [cyclic, deep, globalThis, shared]) {
    try {
      console.log(value);
    } catch (error) {
      // thrown back at the script
    }
  }
};
