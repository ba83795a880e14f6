// expect: contained
// Format directives, with too few and with odd arguments.
exports.onExecuteCredentialsExchange = async () => {
  console.log('%s %d %i %f %j %o %O %c %%');
  console.log('%s', Symbol('x'), '%s', 1n);
  console.log('%999999999d', 1);
  console.log('%1$s%n%n%n%p', 'x');
  console.log('%s'.repeat(2000), ...new Array(100).fill('x'));
};
