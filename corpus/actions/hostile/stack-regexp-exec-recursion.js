// expect: refused
// An exec method of its own that tests itself.
class Again extends RegExp {
  exec(text) {
    return this.test(text) ? [text] : null;
  }
}

exports.onExecuteCredentialsExchange = async (event) => new Again('1').test(event.request.ip);
