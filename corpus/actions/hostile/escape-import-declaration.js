// expect: refused
// An import declaration, which a CommonJS module cannot have.
import fs from 'fs';

exports.onExecuteCredentialsExchange = async () => fs;
