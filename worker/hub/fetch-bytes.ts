/** The bytes of one file of a repository, whatever the network does meanwhile. */
import { Refused } from '../outcome.ts';
import { chunksIn } from '../stream-chunks.ts';
import { Attempt } from './attempt.ts';
import { STALL_MS, type AskOptions } from './ask.ts';
import type { HubServer } from './hub-requests.ts';
import type { ListedFile } from './listing.ts';
import { Patience, retryAfterMs } from './patience.ts';
import { isRedirectLoop, isWebPage, leadsNowhere, reasonOf, redirects } from './request-failure.ts';

export interface FetchOptions extends AskOptions {
  readonly server: HubServer;
  readonly commit: string;
}

/** After this many requests for a range without any answer, {@link fetchBytes} asks for the whole file. */
const RANGES_TRIED = 2;
/** After this many whole requests in a row that only redirected, the redirects lead nowhere. */
const REDIRECTS_TRIED = 2;

/**
 * Bytes `start` to `end` of a file, in chunks of the network's choice. After a connection breaks, stalls or is paused,
 * it asks for the rest with `Range`. If the server does not know ranges, or its redirect forbids them to pages, it
 * fetches the whole file again and skips the part that it has.
 *
 * @throws Refused with `download-failed`, `hub-refused` or `cancelled`
 */
export async function* fetchBytes(
  file: ListedFile,
  start: number,
  end: number,
  options: FetchOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const { server, commit, gate, stallMs = STALL_MS } = options;
  const path = `${server.repository}/resolve/${commit}/${encodeURIComponent(file.name)}`;
  const patience = new Patience(file.name, gate, options.onWait, options.clock);
  let position = start;
  let ranges = true;
  let redirected = 0;
  while (position < end) {
    await gate.pass();
    const { interrupted } = gate;
    const attempt = new Attempt(interrupted, stallMs, null);
    const partial = ranges && (position > 0 || end < file.sizeBytes);
    // One simple range is what a page may send without asking first.
    const init = partial ? { headers: { range: `bytes=${position}-${end - 1}` } } : {};
    try {
      const response = await attempt.watch(server.ask(path, { ...init, signal: attempt.signal }));
      const { status } = response;
      // Ranges of a compressed form are not ranges of the file.
      const noRanges = partial && (status === 416 || (status === 206 && isEncoded(response)));
      if (noRanges) {
        ranges = false;
        await patience.afterFailure(status, 'the server does not give parts of this file');
        continue;
      }
      if (!response.ok) {
        const refusal = server.refusal(response, file.name);
        if (refusal) throw refusal;
        await patience.afterFailure(status, `the server answered ${status}`, retryAfterMs(response));
        continue;
      }
      if (isWebPage(response)) throw server.webPage();
      if (status === 206) checkRange(file, response, position);
      // Bytes of this answer that come before the wanted ones.
      let passOver = status === 206 ? 0 : position;
      for await (const chunk of chunksIn(response.body, (reading) => attempt.watch(reading))) {
        const skipped = Math.min(passOver, chunk.length);
        passOver -= skipped;
        const wanted = chunk.subarray(skipped);
        // The length of the body is no help: if it is compressed, a page cannot see that.
        if (position + wanted.length > file.sizeBytes)
          throw wrong(file, `the server sends more than the ${file.sizeBytes} bytes that it lists`);
        const taken = wanted.subarray(0, end - position);
        if (taken.length > 0) {
          position += taken.length;
          patience.reward();
          yield taken;
        }
        if (position === end) return;
      }
      await patience.afterFailure(0, 'the connection ended early');
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (interrupted.aborted) continue; // by a person: the gate knows what they want
      if (isRedirectLoop(error)) throw leadsNowhere(file.name);
      if (partial) {
        if (!attempt.answered && patience.failures + 1 >= RANGES_TRIED) ranges = false;
      } else if (!attempt.answered && attempt.ended === null) {
        redirected = (await redirects(server, path, init, gate, stallMs)) ? redirected + 1 : 0;
        if (redirected >= REDIRECTS_TRIED) throw leadsNowhere(file.name);
      }
      await patience.afterFailure(0, reasonOf(error, attempt, stallMs));
    } finally {
      attempt.close();
    }
  }
}

const isEncoded = (response: Response) =>
  !['', 'identity'].includes(response.headers.get('content-encoding') ?? '');

/** The range of an answer must be the one that was asked for. A header that a page may not read says nothing. */
function checkRange(file: ListedFile, response: Response, start: number): void {
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  if (!range) return;
  const [first, total] = [Number(range[1]), Number(range[2])];
  if (first !== start) throw wrong(file, `the server sends byte ${first} first, not byte ${start}`);
  if (total !== file.sizeBytes)
    throw wrong(file, `the server says that it has ${total} bytes, and lists ${file.sizeBytes}`);
}

const wrong = (file: ListedFile, reason: string) =>
  new Refused({ code: 'download-failed', file: file.name, status: 0, reason });
