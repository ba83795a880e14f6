// expect: refused
// An export declaration, which a CommonJS module cannot have.
export const onExecuteCredentialsExchange = async () => {};
