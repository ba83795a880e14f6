// expect: refused
// Drops nearly all elements of an endless iterator made of built-in functions.
exports.onExecuteCredentialsExchange = async () => {
  return Iterator.from({ next: Object }).drop(2 ** 53 - 1).next();
};
