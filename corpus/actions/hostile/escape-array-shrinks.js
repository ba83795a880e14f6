// expect: contained
// Empties an array in the middle of operations on it.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const attack = (use) => {
    const list = [];
    for (let i = 0; i < 1000; i++) list.push({ i });
    const shrink = () => {
      list.length = 0;
      list.push('x');
      return 1;
    };
    let result;
    try {
      result = use(list, shrink);
    } catch (error) {
      return;
    }
    const odd = Array.isArray(result)
      ? result.filter((x) => typeof x === 'number' && x !== 1)
      : [];
    if (odd.length > 0) api.access.deny('server_error', 'ESCAPED: read freed elements');
  };
  attack((list, shrink) => list.splice({ valueOf: shrink }, 100));
  attack((list, shrink) => list.slice({ valueOf: shrink }, 900));
  attack((list, shrink) => list.fill(1, { valueOf: shrink }));
  attack((list, shrink) => list.copyWithin(0, { valueOf: shrink }));
  attack((list, shrink) => [list.lastIndexOf({}, { valueOf: shrink })].slice(1));
  attack((list, shrink) => [list.includes({}, { valueOf: shrink })]);
  attack((list, shrink) => list.sort(shrink));
  attack((list, shrink) => list.toSorted(shrink));
  attack((list, shrink) => list.map(shrink));
  attack((list, shrink) => list.flatMap((x) => [shrink()]));
  attack((list, shrink) => list.with({ valueOf: shrink }, 1));
  attack((list, shrink) => list.toSpliced({ valueOf: shrink }, 10, 1));
  attack((list, shrink) => [].concat(list, { [Symbol.isConcatSpreadable]: shrink() }).slice(1));
  attack((list, shrink) => list.flat({ valueOf: shrink }));
};
