// expect: refused
// Changes the case of a long string that grows by it.
exports.onExecuteCredentialsExchange = async () => {
  const text = '\u00df\u0149\ufb03'.repeat(500000);
  for (;;) text.toUpperCase().toLowerCase();
};
