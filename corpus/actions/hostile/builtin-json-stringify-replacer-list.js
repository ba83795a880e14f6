// expect: refused
// Serialises with a very long list of names.
exports.onExecuteCredentialsExchange = async () => {
  const names = [];
  for (let i = 0; i < 5000; i++) names.push(`name${i}`);
  const objects = new Array(5000).fill({});
  for (;;) JSON.stringify(objects, names);
};
