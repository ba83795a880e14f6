// expect: refused
// Deletes every global name that can be deleted and then fails.
exports.onExecuteCredentialsExchange = async () => {
  const names = Reflect.ownKeys(globalThis);
  for (const name of names) {
    try {
      delete globalThis[name];
    } catch (error) {
      // frozen
    }
  }
  throw { odd: 'no Error may be left' };
};
