// expect: refused
// Asks the IP module about a long list without end.
const ip = require('keyward/ip');

exports.onExecuteCredentialsExchange = async (event) => {
  const list = [];
  for (let i = 0; i < 5000; i++) list.push(`10.${i >> 8}.${i & 255}.0/24`);
  for (;;) {
    if (ip.matches(list, '192.0.2.1')) return event;
  }
};
