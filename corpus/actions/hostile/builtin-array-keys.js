// expect: refused
// Walks through the keys of an enormous sparse array.
exports.onExecuteCredentialsExchange = async () => {
  const list = [];
  list.length = 4294967295;
  let last;
  for (const key of list.keys()) last = key;
  return last;
};
