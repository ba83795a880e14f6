// expect: refused
// Objects that share no layout with each other.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  for (let i = 0; ; i++) {
    const object = {};
    for (let j = 0; j < 20; j++) object[`p${(i * 7919 + j * 104729) % 1000003}`] = j;
    kept.push(object);
  }
};
