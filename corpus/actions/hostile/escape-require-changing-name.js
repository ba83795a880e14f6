// expect: contained
// Names that change between the check and the use.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const changing = () => {
    let reads = 0;
    return { toString: () => (reads++ === 0 ? 'crypto' : 'fs') };
  };
  const names = [
    changing(),
    ['fs'],
    Object('fs'),
    new Proxy(['crypto'], { get: () => () => 'fs' }),
    { [Symbol.toPrimitive]: () => 'child_process' },
    Symbol('crypto'),
    undefined,
    null,
    42,
  ];
  for (const name of names) {
    let module;
    try {
      module = require(name);
    } catch (error) {
      continue;
    }
    if (module && (module.readFileSync || module.spawn)) {
      api.access.deny('server_error', 'ESCAPED: require by a changing name');
    }
  }
};
