// expect: refused
// A thenable that resolves with a new one of its kind.
const make = () => ({ then: (resolve) => resolve(make()) });

exports.onExecuteCredentialsExchange = async () => make();
