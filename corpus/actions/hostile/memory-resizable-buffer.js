// expect: refused
// Grows a resizable buffer towards two gigabytes.
exports.onExecuteCredentialsExchange = async () => {
  const buffer = new ArrayBuffer(1, { maxByteLength: 2 ** 31 - 1 });
  for (let size = 1; ; size = Math.min(size * 2, 2 ** 31 - 1)) buffer.resize(size);
};
