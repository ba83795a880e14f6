// expect: refused
// A replacer function that replaces with itself.
const swap = (text) => text.replace(/./, swap);

exports.onExecuteCredentialsExchange = async (event) => swap(event.request.ip);
