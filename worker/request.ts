/**
 * Every request that the worker makes, through one door. A worker that was loaded over the network does not inherit
 * the Content-Security-Policy of its page, so this is what keeps it from talking to anybody but those that the user
 * configured: the page's own origin, and origins added by name.
 */

export class RequestRefused extends Error {
  readonly origin: string;

  constructor(origin: string) {
    super(`requests to ${origin} are not allowed: nobody configured that origin`);
    this.name = 'RequestRefused';
    this.origin = origin;
  }
}

/** Makes a request, or rejects with {@link RequestRefused} without making it. */
export type Request = (url: string | URL, init?: RequestInit) => Promise<Response>;

/**
 * A `fetch` for some origins and no other. Where one of them redirects, the browser follows: hosts of models keep
 * their large files elsewhere, and it is they who say where.
 *
 * @param origins what the user configured; an address stands for its origin
 */
export function requestsTo(origins: readonly (string | URL)[]): Request {
  const allowed = new Set(origins.map((origin) => new URL(origin).origin));
  return async (url, init) => {
    const target = new URL(url);
    // `data:`, `blob:` and `file:` have the origin "null", which nobody can configure.
    if (!/^https?:$/.test(target.protocol) || !allowed.has(target.origin)) {
      throw new RequestRefused(target.origin === 'null' ? target.protocol : target.origin);
    }
    // A name and a password in an address would be sent to whoever it is that the address names.
    if (target.username !== '' || target.password !== '') throw new RequestRefused(target.origin);
    return fetch(target, { ...init, credentials: 'same-origin', referrerPolicy: 'no-referrer' });
  };
}
