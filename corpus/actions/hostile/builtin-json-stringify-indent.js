// expect: refused
// Serialises with an indentation that outgrows the content.
exports.onExecuteCredentialsExchange = async () => {
  let object = {};
  for (let i = 0; i < 100; i++) object = { [`k${i}`]: object, s: [1, 2, 3] };
  for (;;) JSON.stringify(object, null, '          ');
};
