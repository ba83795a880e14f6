// expect: contained
// Writes a line from very many arguments.
exports.onExecuteCredentialsExchange = async () => {
  console.log(...new Array(20000).fill('argument'));
};
