// expect: contained
// Many rejections that nobody handles.
exports.onExecuteCredentialsExchange = async () => {
  for (let i = 0; i < 2000; i++) Promise.reject(new Error(`unhandled ${i}`));
};
