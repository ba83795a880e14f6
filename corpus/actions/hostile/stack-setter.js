// expect: refused
// A setter that writes itself.
exports.onExecuteCredentialsExchange = async () => {
  const object = {
    set value(n) {
      this.value = n + 1;
    },
  };
  object.value = 1;
};
