// expect: refused
// Reads single characters of a string that is lengthened each time.
exports.onExecuteCredentialsExchange = async () => {
  let text = 'x'.repeat(2 ** 22);
  for (let i = 0; ; i++) {
    text = `${text.slice(1)}y`;
    text.codePointAt(i % text.length);
  }
};
