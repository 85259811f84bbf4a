import { Client } from './client.js';

export { TidegateError } from './error.js';
export const connect = (url, options = {}) => new Client(url, options);
