// expect: contained
// Very long texts and odd values as addresses.
const ip = require('keyward/ip');

exports.onExecuteCredentialsExchange = async (event, api) => {
  const odd = [
    '1'.repeat(100000),
    ':'.repeat(100000),
    '203.0.113.7' + '\u0000',
    '0'.repeat(50000) + '1.2.3.4',
    `${'f'.repeat(100000)}::1`,
    '\ud800',
    '',
  ];
  for (const text of odd) {
    if (ip.isValid(text)) api.access.deny('server_error', 'ESCAPED: odd address accepted');
  }
};
