// expect: refused
// A toJSON method that answers with a deeper object of the same kind.
const make = () => ({ toJSON: () => ({ inner: make() }) });

exports.onExecuteCredentialsExchange = async () => JSON.stringify(make());
