// expect: contained
// Odd algorithms, encodings and input for the crypto module.
const crypto = require('crypto');

exports.onExecuteCredentialsExchange = async (event, api) => {
  const tries = [
    () => crypto.createHash('md4\u0000'),
    () => crypto.createHash({ toString: () => 'sha256' }),
    () => crypto.createHash('../../sha256'),
    () => crypto.createHash('sha256').update({}).digest('hex'),
    () => crypto.createHash('sha256').update(null).digest('hex'),
    () => crypto.createHash('sha256').digest('no such encoding'),
    () => crypto.createHmac('sha256', undefined),
    () => crypto.randomBytes(-1),
    () => crypto.randomBytes(2 ** 40),
    () => crypto.randomBytes(NaN),
    () => crypto.timingSafeEqual({}, {}),
    () => crypto.createHash.call(null, 'sha256').digest.call({}, 'hex'),
  ];
  let failed = 0;
  for (const attempt of tries) {
    try {
      attempt();
    } catch (error) {
      failed += 1;
    }
  }
  console.log(failed);
  let twice = 'none';
  try {
    const hash = crypto.createHash('sha256').update('a');
    const first = hash.digest('hex');
    twice = hash.update('b').digest('hex') === first ? 'same' : 'other';
  } catch (error) {
    // a digest can be taken once
  }
  console.log(twice);
  if (crypto.randomUUID() === crypto.randomUUID()) {
    api.access.deny('server_error', 'ESCAPED: randomness repeats');
  }
};
