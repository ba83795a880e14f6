// expect: refused
// Compiles distinct regular expressions without end and keeps them.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  for (let i = 0; ; i++) kept.push(new RegExp(`(?:[a-z0-9]+${i}|[^x]{2,9})+`));
};
