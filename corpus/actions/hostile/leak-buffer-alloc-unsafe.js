// expect: contained
// Buffers that Node does not clear.
exports.onExecuteCredentialsExchange = async (event, api) => {
  if (typeof Buffer !== 'function') return;
  for (const size of [16, 1000, 100000]) {
    let bytes = [];
    try {
      bytes = Buffer.allocUnsafe(size);
    } catch (error) {
      continue;
    }
    for (const byte of bytes) {
      if (byte !== 0) api.access.deny('server_error', 'ESCAPED: memory that is not empty');
    }
  }
};
