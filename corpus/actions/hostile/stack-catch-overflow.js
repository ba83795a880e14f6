// expect: contained
// Overflows the stack, catches that, and must still be in its right mind.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let depth = 0;
  const again = () => {
    depth += 1;
    again();
  };
  let caught = false;
  try {
    again();
  } catch (error) {
    caught = true;
  }
  if (!caught || depth > 10000000) api.access.deny('server_error', 'ESCAPED: no stack limit');
};
