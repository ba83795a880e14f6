// expect: refused
// Each overflow on the way back starts two more.
const again = () => {
  try {
    again();
  } catch (error) {
    again();
  } finally {
    again();
  }
};

exports.onExecuteCredentialsExchange = async () => again();
