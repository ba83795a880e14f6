// expect: refused
// A comparator that sorts with itself.
const compare = () => [2, 1].sort(compare).length;

exports.onExecuteCredentialsExchange = async () => [2, 1].sort(compare);
