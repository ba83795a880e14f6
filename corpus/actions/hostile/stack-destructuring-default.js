// expect: refused
// Destructuring whose default value destructures again.
const again = ({ value = again({}) }) => value;

exports.onExecuteCredentialsExchange = async () => again({});
