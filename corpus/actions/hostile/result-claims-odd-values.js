// expect: contained
// Claims whose values JSON does not know or changes.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const values = [
    undefined, null, NaN, Infinity, -0, 1e400, 5e-324, 2 ** 53 + 2, 1n, Symbol('v'), () => 1,
    new Date(NaN), /x/g, new Map([[1, 2]]), new Error('v'), Object(1n), Object('s'), [, 1],
    new Uint8Array(4), new ArrayBuffer(4), Promise.resolve(1), '\ud800', '\u0000', globalThis,
    event, api, module, new WeakMap(), (function () { return arguments; })(1, 2),
  ];
  values.forEach((value, i) => {
    try {
      api.accessToken.setCustomClaim(`https://claims.example/${i}`, value);
    } catch (error) {
      // refused
    }
  });
};
