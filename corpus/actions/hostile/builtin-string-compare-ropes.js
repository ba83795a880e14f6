// expect: refused
// Compares long strings that were put together from many pieces.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; ; i++) {
    let a = '';
    let b = '';
    for (let j = 0; j < 20; j++) {
      a = `${a}x${a}`;
      b += `x${b}`;
    }
    if (a === `${b}y`) return i;
  }
};
