// expect: contained
// Methods of numbers, booleans, symbols and big integers.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const Kind of [Number, Boolean, Symbol, BigInt]) {
    try {
      Kind.prototype.toJSON = () => 'polluted';
      Kind.prototype.toString = () => 'polluted';
      Kind.prototype.valueOf = () => 'polluted';
    } catch (error) {
      // frozen
    }
  }
  const text = JSON.stringify({ a: 1, b: true }) + (1).toString() + String(Object(2));
  if (text.includes('polluted')) api.access.deny('server_error', 'ESCAPED: a primitive');
};
