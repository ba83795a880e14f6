// expect: contained
// Replaces the iterators of arrays, strings and maps.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const Kind of [Array, String, Map, Set, Uint8Array]) {
    const replacement = function* () {
      yield 'polluted';
    };
    try {
      Kind.prototype[Symbol.iterator] = replacement;
      Object.defineProperty(Kind.prototype, Symbol.iterator, { value: replacement });
    } catch (error) {
      // frozen
    }
  }
  const spread = [...[1], ...'a', ...new Set([2])];
  if (spread.includes('polluted')) api.access.deny('server_error', 'ESCAPED: an iterator');
};
