// expect: refused
// A template tag that tags again.
const tag = (strings) => tag`again ${strings.length}`;

exports.onExecuteCredentialsExchange = async () => tag`start`;
