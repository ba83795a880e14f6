// expect: contained
// Shrinks a resizable buffer in the middle of operations on it.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const attack = (use) => {
    const buffer = new ArrayBuffer(2048, { maxByteLength: 2048 });
    const numbers = new Uint8Array(buffer).fill(1);
    const shrink = () => {
      buffer.resize(8);
      return 1;
    };
    let result;
    try {
      result = use(numbers, shrink);
    } catch (error) {
      return;
    }
    const seen = new Set(result ? [...result] : []);
    for (const value of seen) {
      if (value !== 0 && value !== 1 && value !== undefined) {
        api.access.deny('server_error', `ESCAPED: read ${value} past the end`);
      }
    }
  };
  attack((numbers, shrink) => numbers.slice({ valueOf: () => shrink() - 1 }));
  attack((numbers, shrink) => numbers.toSorted(shrink));
  attack((numbers, shrink) => numbers.sort(shrink));
  attack((numbers, shrink) => numbers.fill(1, { valueOf: () => shrink() - 1 }));
  attack((numbers, shrink) => numbers.copyWithin({ valueOf: () => shrink() - 1 }, 4));
  attack((numbers, shrink) => numbers.map((x) => shrink() && x));
  attack((numbers, shrink) => numbers.filter(() => shrink()));
  attack((numbers, shrink) => numbers.with(4, { valueOf: shrink }));
};
