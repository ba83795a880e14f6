// expect: contained
// Replaces functions of modules and looks whether an earlier run did.
const fake = () => 'marker';
let found = false;
for (const [name, member] of [['crypto', 'randomUUID'], ['keyward/ip', 'isValid']]) {
  const module = require(name);
  try {
    found = found || module[member]('x') === 'marker';
    module[member] = fake;
    Object.defineProperty(module, member, { value: fake });
  } catch (error) {
    // frozen
  }
}

exports.onExecuteCredentialsExchange = async (event, api) => {
  if (found) api.access.deny('server_error', 'ESCAPED: a function of an earlier run');
};
