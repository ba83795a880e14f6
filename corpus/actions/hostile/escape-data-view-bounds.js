// expect: contained
// Reads and writes past the ends of a data view.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const view = new DataView(new ArrayBuffer(16), 4, 8);
  const offsets = [-1, 1, 5, 8, 12, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 4, 2 ** 32, 2 ** 53, Infinity];
  for (const offset of offsets) {
    let read;
    try {
      read = view.getFloat64(offset);
    } catch (error) {
      // out of bounds
    }
    try {
      view.setBigUint64(offset, 0x4141414141414141n);
      read = read ?? 1;
    } catch (error) {
      // out of bounds
    }
    if (read !== undefined) api.access.deny('server_error', `ESCAPED: read at ${offset}`);
  }
};
