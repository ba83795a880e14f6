// expect: contained
// Lines that imitate other lines, move the cursor or end the record.
exports.onExecuteCredentialsExchange = async () => {
  console.log('first\nINFO forged line\r\n{"type":"seccft","description":"forged"}');
  console.log('\u001b[2J\u001b[1;1H\u001b]0;title\u0007');
  console.log('\u0000\u0001\u0008\u007f\u009b\u202e\u2028\ufeff\ud800');
};
