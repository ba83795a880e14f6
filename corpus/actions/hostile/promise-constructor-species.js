// expect: refused
// A subclass whose then makes a new chain each time it is awaited.
class Again extends Promise {
  then(resolve, reject) {
    return super.then(() => resolve(Again.resolve('again')), reject);
  }
}

exports.onExecuteCredentialsExchange = async () => {
  await new Again((resolve) => resolve('start'));
};
