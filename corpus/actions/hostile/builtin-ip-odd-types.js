// expect: contained
// Objects that change while they are read, as addresses and as lists.
const ip = require('keyward/ip');

exports.onExecuteCredentialsExchange = async (event, api) => {
  let reads = 0;
  const changing = { toString: () => (reads++ === 0 ? '203.0.113.7' : '198.51.100.1') };
  const list = new Proxy(['198.51.100.0/24'], {
    get: (target, key) => (key === 'length' ? 2 ** 40 : target[key]),
  });
  const tries = [
    () => ip.isValid(changing),
    () => ip.matches(list, '192.0.2.9'),
    () => ip.matches([['0.0.0.0/0']], '192.0.2.9'),
    () => ip.matches({ length: 1, 0: '0.0.0.0/0' }, {}),
    () => ip.contains('0.0.0.0/0', null),
    () => ip.contains(undefined, undefined),
  ];
  for (const attempt of tries) {
    try {
      if (attempt() === true) console.log('accepted');
    } catch (error) {
      // refused, as it should be
    }
  }
  let accepted = false;
  try {
    accepted = ip.matches([], '203.0.113.7') || ip.matches(undefined, '203.0.113.7');
  } catch (error) {
    // refused
  }
  if (accepted) api.access.deny('server_error', 'ESCAPED: no list matches an address');
};
