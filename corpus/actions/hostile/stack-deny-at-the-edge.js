// expect: refused
// Denies with hardly any stack left; neither the answer nor the error may get lost.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const edge = () => {
    let low = true;
    try {
      edge();
      low = false;
    } catch (error) {
      // at the edge
    }
    if (low) api.access.deny('invalid_request', 'no');
  };
  edge();
  api.access.deny('invalid_request', 'no');
};
