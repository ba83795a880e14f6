// expect: refused
// Named groups that refer to each other.
exports.onExecuteCredentialsExchange = async () => {
  return /^(?:(?<x>a+)(?<y>a*)\k<x>?)+$/.test(`${'a'.repeat(80)}b`);
};
