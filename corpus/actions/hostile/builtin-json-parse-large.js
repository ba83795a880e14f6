// expect: refused
// Parses a large document over and over.
exports.onExecuteCredentialsExchange = async () => {
  const text = `[${'{"a":[1,2,3],"b":"c"},'.repeat(20000)}0]`;
  for (;;) JSON.parse(text);
};
