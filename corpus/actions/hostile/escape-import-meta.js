// expect: refused
// import.meta, which a CommonJS module does not have.
const where = import.meta.url;

exports.onExecuteCredentialsExchange = async () => where;
