/**
 * The one door for the worker's requests. A worker loaded over the network does not inherit the page's
 * Content-Security-Policy, so this file keeps it from talking to anybody but the origins that the user configured. It
 * also writes the only Authorization header, and only if a request goes to the endpoint that its token was given for.
 */
import { isBelow } from './endpoint.ts';
import type { AccessToken } from './protocol/load.ts';

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

/** Makes a door, see {@link requestsTo}. Tests use their own. */
export type RequestsOf = (origins: readonly (string | URL)[], token: AccessToken | null) => Request;

/**
 * A `fetch` for some origins and no other. The browser follows redirects: hosts of models keep large files elsewhere.
 * It drops the Authorization header as soon as a redirect leaves the origin, as the Fetch standard demands.
 *
 * @param origins what the user configured; an address stands for its origin
 * @param token   sent to its own endpoint, and to nobody else
 */
export function requestsTo(origins: readonly (string | URL)[], token: AccessToken | null = null): Request {
  const allowed = new Set(origins.map((origin) => new URL(origin).origin));
  return async (url, init) => {
    const target = new URL(url);
    // `data:`, `blob:` and `file:` have the origin "null", which nobody can configure.
    if (!/^https?:$/.test(target.protocol) || !allowed.has(target.origin)) {
      throw new RequestRefused(target.origin === 'null' ? target.protocol : target.origin);
    }
    // The browser would send a name and a password in an address to the host that it names.
    if (target.username !== '' || target.password !== '') throw new RequestRefused(target.origin);
    const headers = new Headers(init?.headers);
    if (headers.has('authorization')) throw new Error('only worker/request.ts sets an Authorization header');
    if (token && isBelow(token.endpoint, target)) headers.set('authorization', `Bearer ${token.secret}`);
    return fetch(target, { ...init, headers, credentials: 'same-origin', referrerPolicy: 'no-referrer' });
  };
}
