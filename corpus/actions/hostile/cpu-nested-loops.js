// expect: refused
// Loops that would end, but not in this lifetime.
exports.onExecuteCredentialsExchange = async () => {
  let n = 0;
  for (let a = 0; a < 1e6; a++) {
    for (let b = 0; b < 1e6; b++) {
      for (let c = 0; c < 1e6; c++) n ^= a ^ b ^ c;
    }
  }
  return n;
};
