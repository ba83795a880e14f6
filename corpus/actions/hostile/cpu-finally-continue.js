// expect: refused
// Overrides the interruption by a continue in a finally block.
exports.onExecuteCredentialsExchange = async () => {
  let rounds = 0;
  do {
    try {
      for (;;);
    } finally {
      rounds += 1;
      continue;
    }
  } while (rounds < 3);
};
