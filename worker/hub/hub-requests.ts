/** One server with the Hub's paths: what is asked of it, and what its answers mean. */
import { Refused } from '../outcome.ts';
import type { HubRefusal } from '../protocol/failure.ts';
import type { HubModel } from '../protocol/load.ts';
import { requestsTo, type Request } from '../request.ts';
import { parseEndpoint, parseReference, type Reference } from './address.ts';

export interface HubServer extends Reference {
  readonly endpoint: string;
  /** Asks for a path below the endpoint. The token goes to the endpoint alone: browsers drop it where it redirects. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /**
   * The failure that a refusing status stands for; null where another try may help.
   *
   * @param file whose contents were asked for; null where it was the repository's list
   */
  refusal(response: Response, file: string | null): Refused | null;
}

/**
 * @param requestsOf makes the door through which the requests go
 * @throws Refused with `bad-request` for a name or an address that cannot be one
 */
export function hubServer(
  model: HubModel,
  requestsOf: (origins: readonly string[]) => Request = requestsTo,
): HubServer {
  const { repository, revision: asked } = parseReference(model.id);
  const revision = model.commit ?? asked;
  const endpoint = parseEndpoint(model.endpoint);
  const request = requestsOf([endpoint]);
  const { token } = model;
  return {
    repository,
    revision,
    endpoint,
    ask: (path, init) =>
      request(`${endpoint}/${path}`, {
        ...init,
        // What is kept is kept by us: the browser's own cache would hold every byte a second time.
        cache: 'no-store',
        headers: {
          ...(init?.headers as Record<string, string> | undefined), // ours, and always plain objects
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        },
      }),
    refusal: (response, file) => {
      const why = reasonOf(response, token !== null, file);
      if (why !== null) return new Refused({ code: 'hub-refused', repository, endpoint, why });
      if (isPassing(response.status)) return null;
      const { status, statusText: reason } = response;
      return new Refused({ code: 'download-failed', file: file ?? repository, status, reason });
    },
  };
}

/** Statuses of a server that has too much to do, or is not well: later it may answer. */
const isPassing = (status: number) => status === 408 || status === 429 || status >= 500;

function reasonOf(response: Response, withToken: boolean, file: string | null): HubRefusal | null {
  switch (response.status) {
    case 401:
      return withToken ? 'token-is-wrong' : 'needs-token';
    case 403:
      return withToken ? 'not-allowed' : 'needs-token';
    case 404:
      if (file !== null) return null;
      // The Hub says by this header what it misses, and lets pages read it.
      return response.headers.get('x-error-code') === 'RevisionNotFound'
        ? 'no-such-revision'
        : 'no-such-repository';
    default:
      return null;
  }
}
