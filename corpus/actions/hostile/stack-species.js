// expect: refused
// A species constructor that slices again.
class Again extends Array {
  static get [Symbol.species]() {
    return Again.from([1]).slice().constructor;
  }
}

exports.onExecuteCredentialsExchange = async () => Again.from([1]).slice();
