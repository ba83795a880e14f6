// expect: refused
// The module exports nothing.
const handler = async () => {};
