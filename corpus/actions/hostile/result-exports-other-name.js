// expect: refused
// The module exports a handler for another trigger only.
exports.onExecutePostLogin = async () => {};
