// expect: refused
// Compares long strings with localeCompare.
exports.onExecuteCredentialsExchange = async () => {
  const text = '\u00e9a\u0301'.repeat(200000);
  for (;;) `${text}a`.localeCompare(`${text}b`);
};
