// expect: contained
// Shrinks the buffer while an argument of the access is being converted.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const buffer = new ArrayBuffer(4096, { maxByteLength: 4096 });
  const view = new DataView(buffer);
  const shrink = {
    valueOf() {
      buffer.resize(0);
      return 0x41;
    },
  };
  let wrote = true;
  try {
    view.setUint8(4000, shrink);
  } catch (error) {
    wrote = false;
  }
  if (wrote && buffer.byteLength === 0) api.access.deny('server_error', 'ESCAPED: wrote past end');
};
