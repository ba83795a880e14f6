// expect: contained
// Species constructors that answer with too short, shared or foreign arrays.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const small = new Uint8Array(2);
  class Short extends Uint8Array {
    static get [Symbol.species]() {
      return function () {
        return small;
      };
    }
  }
  class Odd extends Array {
    static get [Symbol.species]() {
      return function () {
        return new Proxy([], { defineProperty: () => true });
      };
    }
  }
  const attempts = [
    () => new Short(1000).fill(65).slice(),
    () => new Short(1000).fill(65).map((x) => x),
    () => new Short(1000).fill(65).filter(() => true),
    () => new Short(1000).subarray(0, 500),
    () => Odd.from([1, 2, 3]).map((x) => x),
    () => Odd.from([1, 2, 3]).splice(0, 2),
    () => Odd.from([1, 2, 3]).concat([4]),
    () => Odd.from([[1]]).flat(),
  ];
  for (const attempt of attempts) {
    try {
      attempt();
    } catch (error) {
      // refused
    }
  }
  if (small.length !== 2 || small[2] !== undefined) {
    api.access.deny('server_error', 'ESCAPED: wrote past a short array');
  }
};
