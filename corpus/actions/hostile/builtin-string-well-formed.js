// expect: refused
// Repairs long strings of lone surrogates.
exports.onExecuteCredentialsExchange = async () => {
  const text = '\ud800'.repeat(2000000);
  for (;;) text.toWellFormed().isWellFormed();
};
