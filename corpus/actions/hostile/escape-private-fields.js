// expect: contained
// Private fields put onto host objects by a constructor that returns them.
exports.onExecuteCredentialsExchange = async (event, api) => {
  class Give {
    constructor(thing) {
      return thing;
    }
  }
  class Stamp extends Give {
    #mark = 'mine';
    static read(thing) {
      return thing.#mark;
    }
  }
  for (const thing of [api, api.access, api.access.deny, event, console, globalThis]) {
    try {
      new Stamp(thing);
      Stamp.read(thing);
    } catch (error) {
      // not stampable
    }
  }
};
