// expect: contained
// Properties of host objects whose names are symbols.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const usual = [Symbol.toStringTag, Symbol.iterator, Symbol.toPrimitive];
  for (const thing of [api, api.access, api.cache, event, console, require, module]) {
    for (const symbol of Object.getOwnPropertySymbols(thing)) {
      if (usual.includes(symbol)) continue;
      api.access.deny('server_error', `ESCAPED: ${String(symbol)}`);
    }
  }
};
