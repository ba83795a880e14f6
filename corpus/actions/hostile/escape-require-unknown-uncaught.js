// expect: refused
// The failure of a require at the top of the module is not caught.
const fs = require('fs');

exports.onExecuteCredentialsExchange = async () => fs.readFileSync('/etc/hostname', 'utf8');
