/** A door for requests that gives the answers of a script: no server, no network, no waiting. */
import { Gate } from '../../../worker/hub/gate.ts';
import { hubServer } from '../../../worker/hub/hub-requests.ts';
import { Refused } from '../../../worker/outcome.ts';
import type { HubModel } from '../../../worker/protocol/load.ts';
import type { RequestsOf } from '../../../worker/request.ts';

export interface Seen {
  readonly url: string;
  readonly range: string | null;
  readonly init: RequestInit;
}

export type ScriptedAnswer = (seen: Seen) => Response | Error;

export const hubModel: HubModel = {
  ...{ from: 'hub', id: 'owner/model', endpoint: 'https://hub.example', token: null, keep: true },
};

/** @param answer gets the number of the request, from 0 */
export function doorThat(answer: (seen: Seen, index: number) => Response | Error) {
  const asked: Seen[] = [];
  const requestsOf: RequestsOf = () => (url, init) => {
    const seen = { url: String(url), range: new Headers(init?.headers).get('range'), init: init ?? {} };
    asked.push(seen);
    const given = answer(seen, asked.length - 1);
    return given instanceof Error ? Promise.reject(given) : Promise.resolve(given);
  };
  return { asked, requestsOf };
}

/** A server that gives these answers in order, and what a request to it needs. Waits are recorded, not waited for. */
export function scripted(answers: readonly ScriptedAnswer[], model: HubModel = hubModel) {
  const { asked, requestsOf } = doorThat((seen, index) => {
    const answer = answers[index];
    if (!answer) throw new Error('the script has no more answers');
    return answer(seen);
  });
  return { asked, server: hubServer(model, requestsOf), ...patient() };
}

/** Options of a request whose waits are recorded. */
export function patient() {
  const waits: [string, number][] = [];
  const options = {
    gate: new Gate(),
    onWait: (reason: string, forMs: number) => void waits.push([reason, forMs]),
    clock: { sleep: () => Promise.resolve() },
  };
  return { waits, options };
}

/** A body of these chunks that then ends, breaks, or waits until the request is aborted. */
export function body(
  chunks: readonly Uint8Array<ArrayBuffer>[],
  then: 'ends' | 'breaks' | 'hangs',
  { init }: Pick<Seen, 'init'> = { init: {} },
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let next = 0;
  return new ReadableStream({
    start: (controller) => {
      init.signal?.addEventListener('abort', () => {
        controller.error(init.signal?.reason);
      });
    },
    pull: (controller) => {
      const chunk = chunks[next++];
      if (chunk) controller.enqueue(chunk);
      else if (then === 'ends') controller.close();
      else if (then === 'breaks') controller.error(new TypeError('terminated'));
      else return new Promise<void>(() => undefined);
      return undefined;
    },
  });
}

export const json = (value: unknown) => (): Response =>
  new Response(JSON.stringify(value), { headers: { 'content-type': 'application/json' } });

export const status =
  (code: number, headers: Readonly<Record<string, string>> = {}): ScriptedAnswer =>
  () =>
    new Response(null, { status: code, statusText: `status ${code}`, headers });

export const unreachable: ScriptedAnswer = () => new TypeError('Failed to fetch');
export const redirectLoop: ScriptedAnswer = () =>
  new TypeError('fetch failed', { cause: new Error('redirect count exceeded') });
export const webPage: ScriptedAnswer = () =>
  new Response('Sign in', { headers: { 'content-type': 'text/html; charset=utf-8' } });

/** What the work gave, or the failure that it refused with. */
export async function outcomeOf<T>(work: Promise<T>): Promise<T | Refused['failure']> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof Refused) return error.failure;
    throw error;
  }
}
