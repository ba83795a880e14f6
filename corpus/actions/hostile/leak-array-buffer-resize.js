// expect: contained
// Looks for what others left in the part by which a buffer grows.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const size of [64, 4096, 200000]) {
    const buffer = new ArrayBuffer(8, { maxByteLength: size });
    const bytes = new Uint8Array(buffer);
    buffer.resize(size);
    bytes.fill(0x5a);
    buffer.resize(8);
    buffer.resize(size);
    if (bytes.slice(8).some((byte) => byte !== 0)) {
      api.access.deny('server_error', 'ESCAPED: memory that is not empty');
    }
  }
};
