// expect: refused
// Leaving a loop runs the generator's finally block, which never ends.
function* trap() {
  try {
    yield 1;
  } finally {
    for (;;);
  }
}

exports.onExecuteCredentialsExchange = async () => {
  for (const n of trap()) {
    if (n === 1) break;
  }
};
