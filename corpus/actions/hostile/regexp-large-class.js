// expect: refused
// Compiles large character classes without regard to case, over and over.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) new RegExp('[\\p{L}\\p{N}\\p{P}\\p{S}]+|[^\\p{Lu}]', 'iu').test('x');
};
