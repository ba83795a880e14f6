// expect: contained
// Looks for what others left in fresh buffers.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const size of [16, 64, 1000, 4096, 65536, 200000]) {
    const bytes = new Uint8Array(size);
    if (bytes.some((byte) => byte !== 0)) {
      api.access.deny('server_error', 'ESCAPED: memory that is not empty');
    }
    bytes.fill(0x5a);
  }
};
