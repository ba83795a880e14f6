// expect: contained
// Reads and writes past the ends of typed arrays.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const numbers = new Uint32Array(8);
  for (const index of [-1, 8, 9, 1000000, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 31), '8', '-0', 1.5]) {
    numbers[index] = 0x41414141;
    if (numbers[index] !== undefined) {
      api.access.deny('server_error', `ESCAPED: read at ${index}`);
    }
  }
};
