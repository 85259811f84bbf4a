/** What can be seen of a token without its key: why it cannot hold. */

/**
 * A sentence; empty where nothing is to be seen.
 * @param {string} token
 * @param {number} [now]  milliseconds
 */
export function flaw(token, now = Date.now()) {
  const parts = token.split('.');
  if (parts.length !== 3) return 'The token is not a JWT: it has not three parts with dots between.';
  const [head, claims] = parts.slice(0, 2).map(read);
  if (!head || !claims) return 'The token is not a JWT: its first two parts are not JSON in base64url.';
  const when = (/** @type {number} */ seconds) => new Date(seconds * 1000).toLocaleString();
  if (claims.exp * 1000 <= now) return `The token has expired, at ${when(claims.exp)}.`;
  if (claims.nbf * 1000 > now) return `The token does not hold yet, but from ${when(claims.nbf)} on.`;
  return '';
}

/** @param {string} part @returns {any} */
function read(part) {
  try {
    const said = JSON.parse(atob(part.replaceAll('-', '+').replaceAll('_', '/')));
    return typeof said === 'object' ? said : null;
  } catch {
    return null;
  }
}
