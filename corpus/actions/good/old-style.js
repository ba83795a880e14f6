// A script from long ago: var, prototypes, arguments.
var slice = Array.prototype.slice;

function Labels() {
  this.items = slice.call(arguments);
}

Labels.prototype.add = function (label) {
  var self = this;
  self.items.push(label);
  return self;
};

Labels.prototype.toString = function () {
  return this.items.join('/');
};

function handler(event, api) {
  var labels = new Labels('a', 'b');
  labels.add(event.client.name).add(typeof undefined);
  api.accessToken.setCustomClaim('https://claims.example/labels', '' + labels);
}

exports.onExecuteCredentialsExchange = handler;
