// expect: contained
// Calls host functions with hardly any stack left.
exports.onExecuteCredentialsExchange = async (event, api) => {
  const edge = () => {
    try {
      edge();
    } catch (error) {
      require('crypto').createHash('sha256').update('x').digest('hex');
      require('keyward/ip').matches(['203.0.113.0/24'], '203.0.113.7');
      api.accessToken.setCustomClaim('https://claims.example/edge', { a: [1, 2, { b: 3 }] });
      console.log({ a: [1, 2, { b: 3 }] });
    }
  };
  edge();
};
