// expect: refused
// The module sets its exports to null.
module.exports = null;
