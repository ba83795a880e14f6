// expect: contained
// A subclass of Function that calls the constructor as its super.
exports.onExecuteCredentialsExchange = async (event, api) => {
  let result;
  try {
    class Code extends Function {
      constructor() {
        super('return 42');
      }
    }
    result = new Code()();
  } catch (error) {
    // no code from text
  }
  try {
    const Async = Object.getPrototypeOf(async () => {}).constructor;
    class AsyncCode extends Async {}
    result = result ?? (await new AsyncCode('return 42')());
  } catch (error) {
    // no code from text
  }
  if (result === 42) api.access.deny('server_error', 'ESCAPED: subclass of Function');
};
