// expect: contained
// Detaches a buffer while its typed array is sorted, filled and searched.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const attack = (use) => {
    const numbers = new Float64Array(4096).fill(1.5);
    const detach = () => {
      if (numbers.buffer.byteLength > 0) numbers.buffer.transfer(0);
      return 1;
    };
    try {
      use(numbers, detach);
    } catch (error) {
      // refused
    }
    if (numbers.buffer.byteLength > 0) return;
    for (let i = 0; i < 8; i++) {
      if (numbers[i] !== undefined) api.access.deny('server_error', 'ESCAPED: read freed memory');
    }
  };
  attack((numbers, detach) => numbers.sort(detach));
  attack((numbers, detach) => numbers.fill({ valueOf: detach }));
  attack((numbers, detach) => numbers.fill(2, { valueOf: detach }));
  attack((numbers, detach) => numbers.copyWithin({ valueOf: detach }, 1));
  attack((numbers, detach) => numbers.indexOf(7, { valueOf: detach }));
  attack((numbers, detach) => numbers.map(detach));
  attack((numbers, detach) => numbers.set([{ valueOf: detach }, 2, 3]));
  attack((numbers, detach) => numbers.slice({ valueOf: detach }));
  attack((numbers, detach) => numbers.subarray({ valueOf: detach })[0]);
  attack((numbers, detach) => numbers.join({ toString: detach }));
  attack((numbers, detach) => numbers.with(0, { valueOf: detach }));
  attack((numbers, detach) => Array.from(numbers, detach));
};
