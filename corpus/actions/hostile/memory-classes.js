// expect: refused
// New classes with private fields without end.
exports.onExecuteCredentialsExchange = async () => {
  const kept = [];
  for (;;) {
    kept.push(
      class {
        #secret = 1;
        static count = 0;
        get secret() {
          return this.#secret;
        }
      },
    );
  }
};
