/** What it means if a request fails without an answer. Browsers hide most of it, so one more question may help. */
import { Refused } from '../outcome.ts';
import { Attempt } from './attempt.ts';
import type { Gate } from './gate.ts';
import type { HubServer } from './hub-requests.ts';

/** No file of a model is a web page. Servers and networks that want a login answer with one, and the status 200. */
export const isWebPage = (response: Response) =>
  /^text\/html\b/i.test(response.headers.get('content-type') ?? '');

/** Node says it; browsers only say that the request failed. */
export const isRedirectLoop = (error: unknown): boolean =>
  error instanceof TypeError &&
  error.cause instanceof Error &&
  error.cause.message.includes('redirect count');

/** Whether the server answers a request with a redirect. If so, and following it fails, the redirect is to blame. */
export async function redirects(
  server: HubServer,
  path: string,
  init: RequestInit,
  gate: Gate,
  stallMs: number,
): Promise<boolean> {
  const attempt = new Attempt(gate.interrupted, stallMs, null);
  try {
    const asked = server.ask(path, { ...init, redirect: 'manual', signal: attempt.signal });
    const { type, status } = await attempt.watch(asked);
    // Node shows the status, browsers hide it.
    return type === 'opaqueredirect' || (status >= 300 && status < 400);
  } catch {
    return false;
  } finally {
    attempt.close();
  }
}

export const leadsNowhere = (what: string) =>
  new Refused({
    code: 'download-failed',
    file: what,
    status: 0,
    reason:
      'the server redirects in a circle, or to a server that cannot be reached or does not let pages read it',
  });

/** Why a request failed, for the line that says when the next one follows. */
export function reasonOf(error: unknown, { ended }: Attempt, stallMs: number): string {
  if (ended === 'stalled') return `nothing arrived for ${seconds(stallMs)}`;
  if (ended === 'too-long') return 'the answer took too long';
  // Browsers do not distinguish a missing network from a server that pages may not read.
  if (error instanceof TypeError) return 'the server could not be reached, or does not let pages read it';
  return error instanceof Error ? error.message : String(error);
}

export const seconds = (ms: number) => `${Math.max(1, Math.round(ms / 1000))} s`;
