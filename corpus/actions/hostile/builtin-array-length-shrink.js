// expect: refused
// Shrinks the length of an array that has elements far apart.
exports.onExecuteCredentialsExchange = async () => {
  for (;;) {
    const list = [];
    for (let i = 0; i < 1000; i++) list[i * 4000000] = i;
    list.length = 0;
  }
};
