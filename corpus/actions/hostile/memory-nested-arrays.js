// expect: refused
// Wraps an array into an array without end.
exports.onExecuteCredentialsExchange = async () => {
  let nest = [];
  for (;;) nest = [nest, nest];
};
