// expect: contained
// ArrayBuffer.prototype.slice into a buffer that is too short or the same.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const source = new ArrayBuffer(1024);
  const answers = [source, new ArrayBuffer(1), {}, new Uint8Array(4)];
  for (const answer of answers) {
    Object.defineProperty(source, 'constructor', {
      configurable: true,
      value: { [Symbol.species]: function () { return answer; } },
    });
    let copy;
    try {
      copy = source.slice(0, 1024);
    } catch (error) {
      continue;
    }
    if (copy === source || copy.byteLength < 1024) {
      api.access.deny('server_error', 'ESCAPED: slice into a bad buffer');
    }
  }
};
