// Refusals travel as errors of an own class and are answered in one place.
class DenyError extends Error {
  constructor(code, message) {
    super();
    this.name = 'DenyError';
    this.code = code;
    this.message = message;
  }
}

const check = (event) => {
  if (event.request.method !== 'POST') throw new DenyError('invalid_request', 'Use POST.');
  if (!event.client.metadata.owner) throw new DenyError('invalid_request', 'Nobody owns this.');
  if (event.client.metadata.owner === 'broken') throw new TypeError('broken');
};

exports.onExecuteCredentialsExchange = async (event, api) => {
  try {
    check(event);
  } catch (error) {
    if (error instanceof DenyError && error.name === 'DenyError') {
      return api.access.deny(error.code, error.message);
    }
    console.error('unexpected', error.name, error.message);
    return api.access.deny('server_error', 'Something went wrong.');
  }
};
