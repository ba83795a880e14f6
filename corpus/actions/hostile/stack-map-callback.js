// expect: refused
// A callback that maps with itself.
const grow = (x) => [x].map(grow);

exports.onExecuteCredentialsExchange = async () => [1].map(grow);
