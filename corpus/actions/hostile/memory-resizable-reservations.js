// expect: refused
// Keeps resizable buffers that are empty but may become large.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  for (;;) kept.push(new ArrayBuffer(0, { maxByteLength: 2 ** 24 }));
};
