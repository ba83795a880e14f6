// expect: contained
// Looks for what others left in the part by which a transfer lengthens.
exports.onExecuteCredentialsExchange = async (event, api) => {
  for (const size of [64, 4096, 200000]) {
    const grown = new Uint8Array(new ArrayBuffer(8).transfer(size));
    if (grown.some((byte) => byte !== 0)) {
      api.access.deny('server_error', 'ESCAPED: memory that is not empty');
    }
  }
};
