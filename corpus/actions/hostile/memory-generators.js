// expect: refused
// Suspended generators without end.
function* one() {
  const local = new Array(16).fill(0);
  yield local;
}

exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  for (;;) {
    const generator = one();
    generator.next();
    kept.push(generator);
  }
};
