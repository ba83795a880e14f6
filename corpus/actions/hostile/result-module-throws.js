// expect: refused
// The module throws while it loads.
throw new Error('not today');
