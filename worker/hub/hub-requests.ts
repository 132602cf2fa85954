/** One repository on one server with the Hub's paths: how to ask it, and what its refusals mean. */
import { HEALED_ENDPOINT } from '../endpoint.ts';
import { brief } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';
import type { HubRefusal } from '../protocol/failure.ts';
import type { HubModel } from '../protocol/load.ts';
import { requestsTo, type RequestsOf } from '../request.ts';
import { parseEndpoint, parseReference, type Reference } from './address.ts';

export interface HubServer extends Reference {
  readonly endpoint: string;
  /**
   * Asks for a path below the endpoint. The door adds the token, see {@link requestsTo}.
   *
   * @throws Refused with `not-stored` for a model that was healed here: no server has it
   */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /**
   * The failure that a refusing status means; null if another try may help.
   *
   * @param file whose contents were asked for; null if it was the repository's list
   */
  refusal(response: Response, file: string | null): Refused | null;
  /** The failure that it means if a web page comes instead of data. */
  webPage(): Refused;
  /** The same server, with the name that it gave the repository itself. */
  renamed(repository: string): HubServer;
}

/** Visible ASCII: everything else would be a broken header, or two. */
const TOKEN = /^[\x21-\x7e]{1,4096}$/;

/**
 * @param requestsOf makes the door for the requests
 * @throws Refused with `bad-request` for an impossible repository, endpoint or token
 */
export function hubServer(model: HubModel, requestsOf: RequestsOf = requestsTo): HubServer {
  const reference = parseReference(model.id);
  const revision = model.commit ?? reference.revision;
  const endpoint = parseEndpoint(model.endpoint);
  // A token of another endpoint is none here. The door checks every single request again.
  const token = model.token?.endpoint === endpoint ? model.token : null;
  if (token && !TOKEN.test(token.secret)) {
    const reason = 'an access token has only letters, digits and signs of ASCII, without spaces';
    throw new Refused({ code: 'bad-request', field: 'token', reason });
  }
  const request = requestsOf([endpoint], token);
  const called = (repository: string): HubServer => {
    const refused = (why: HubRefusal) => new Refused({ code: 'hub-refused', repository, endpoint, why });
    return {
      repository,
      revision,
      endpoint,
      // We keep what must be kept: the browser's cache would hold every byte a second time.
      ask: (path, init) =>
        endpoint === HEALED_ENDPOINT
          ? Promise.reject(new Refused({ code: 'not-stored', model: repository }))
          : request(`${endpoint}/${path}`, { ...init, cache: 'no-store' }),
      refusal: (response, file) => {
        const why = reasonOf(response, token !== null, file);
        if (why !== null) return refused(why);
        if (isPassing(response.status)) return null;
        const { status } = response;
        const reason = brief(response.statusText); // in the server's words
        return new Refused({ code: 'download-failed', file: file ?? repository, status, reason });
      },
      webPage: () => refused('web-page'),
      renamed: called,
    };
  };
  return called(reference.repository);
}

/** Statuses of a server that is busy or unwell: it may answer later. */
const isPassing = (status: number) => status === 408 || status === 429 || status >= 500;

function reasonOf(response: Response, withToken: boolean, file: string | null): HubRefusal | null {
  switch (response.status) {
    case 401:
      return withToken ? 'token-is-wrong' : 'needs-token';
    case 403:
      return withToken ? 'not-allowed' : 'needs-token';
    case 404:
      if (file !== null) return null;
      // The Hub names what is missing in this header, and lets pages read it.
      return response.headers.get('x-error-code') === 'RevisionNotFound'
        ? 'no-such-revision'
        : 'no-such-repository';
    default:
      return null;
  }
}
