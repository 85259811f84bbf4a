export class TidegateError extends Error {
  name = 'TidegateError';

  constructor(message, code, more) {
    super(message);
    Object.assign(this, { code, ...more });
  }
}

export const closed = () => new TidegateError('The client is closed', 'closed');
export const late = (action, time) => new TidegateError(`No answer to '${action}' within ${time} ms`, 'timeout');
