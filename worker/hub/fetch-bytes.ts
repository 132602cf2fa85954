/** Bytes of one file of a repository, whatever the network does in between. */
import { Refused } from '../outcome.ts';
import type { Gate } from './gate.ts';
import type { HubServer } from './hub-requests.ts';
import type { ListedFile } from './listing.ts';
import { Patience, retryAfterMs, type Clock } from './patience.ts';

export interface FetchOptions {
  readonly server: HubServer;
  readonly commit: string;
  readonly gate: Gate;
  readonly onWait: (reason: string, forMs: number) => void;
  readonly clock?: Clock | undefined;
  /** A request that brings nothing for so long is given up and made again. */
  readonly stallMs?: number | undefined;
}

const STALL_MS = 30_000;
/** After so many requests for a range that did not even get an answer, the whole is asked for: see {@link fetchBytes}. */
const RANGES_TRIED = 2;

/**
 * Bytes `begin` to `end` of a file, in chunks of the network's choice. Where a connection breaks, stalls or is paused
 * the rest is asked for by `Range`; where the server does not know that, or its redirect forbids it to pages, the whole
 * is fetched again and the part that was had is passed over.
 *
 * @throws Refused with `download-failed`, `hub-refused` or `cancelled`
 */
export async function* fetchBytes(
  file: ListedFile,
  begin: number,
  end: number,
  options: FetchOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const { server, commit, gate, stallMs = STALL_MS } = options;
  const path = `${server.repository}/resolve/${commit}/${encodeURIComponent(file.name)}`;
  const patience = new Patience(file.name, gate, options.onWait, options.clock);
  let position = begin;
  let ranges = true;
  while (position < end) {
    await gate.pass();
    const { interrupted } = gate;
    const attempt = new Attempt(interrupted, stallMs);
    const partial = ranges && (position > 0 || end < file.sizeBytes);
    try {
      const response = await attempt.race(
        server.ask(path, {
          signal: attempt.signal,
          // One simple range is what pages may send without asking first.
          headers: partial ? { range: `bytes=${position}-${end - 1}` } : {},
        }),
      );
      if (response.status === 416 && partial) {
        ranges = false;
        await response.body?.cancel();
        await patience.afterFailure(416, 'the server does not give parts of this file');
        continue;
      }
      if (!response.ok) {
        await response.body?.cancel();
        const refusal = server.refusal(response, file.name);
        if (refusal) throw refusal;
        await patience.afterFailure(
          response.status,
          `the server answered ${response.status}`,
          retryAfterMs(response),
        );
        continue;
      }
      checkLength(file, response, partial ? position : 0);
      // Bytes of this answer that come before those that are wanted.
      let passOver = response.status === 206 ? 0 : position;
      for await (const chunk of chunksOf(response, attempt)) {
        const skipped = Math.min(passOver, chunk.length);
        passOver -= skipped;
        const wanted = chunk.subarray(skipped);
        if (position + wanted.length > file.sizeBytes)
          throw wrong(file, 'the server sends more than it lists');
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
      if (interrupted.aborted) continue; // by a person: the gate says what they want
      if (partial && !attempt.answered && patience.failures + 1 >= RANGES_TRIED) ranges = false;
      await patience.afterFailure(0, attempt.stalled ? 'nothing came any more' : messageOf(error));
    } finally {
      attempt.end();
    }
  }
}

/** One request: its signal, and the watch over its silence. */
class Attempt {
  answered = false;
  stalled = false;
  readonly signal: AbortSignal;
  readonly #stall = new AbortController();
  readonly #stallMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(interrupted: AbortSignal, stallMs: number) {
    this.signal = AbortSignal.any([interrupted, this.#stall.signal]);
    this.#stallMs = stallMs;
  }

  /** Waits for what the network brings, as long as a silence may last. */
  async race<T>(coming: Promise<T>): Promise<T> {
    this.#timer = setTimeout(() => {
      this.stalled = true;
      this.#stall.abort();
    }, this.#stallMs);
    try {
      const come = await coming;
      this.answered = true;
      return come;
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** Lets go of the connection, where it is still there. */
  end(): void {
    clearTimeout(this.#timer);
    this.#stall.abort();
  }
}

async function* chunksOf(
  response: Response,
  attempt: Attempt,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const next = await attempt.race(reader.read());
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined); // a stream that has broken has nothing to cancel
  }
}

/** What the server says of the file's length must be what it listed. Headers that a page may not read say nothing. */
function checkLength(file: ListedFile, response: Response, begin: number): void {
  const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  if (response.status === 206) {
    if (range && Number(range[1]) !== begin)
      throw wrong(file, `the server sends byte ${String(range[1])} on, not ${begin}`);
    if (range && Number(range[2]) !== file.sizeBytes) throw wrongLength(file, Number(range[2]));
    return;
  }
  const length = response.headers.get('content-length');
  if (length === null || response.headers.has('content-encoding')) return;
  if (Number(length) !== file.sizeBytes) throw wrongLength(file, Number(length));
}

const wrongLength = (file: ListedFile, said: number) =>
  wrong(file, `the server says that it has ${said} bytes, and lists ${file.sizeBytes}`);

const wrong = (file: ListedFile, reason: string) =>
  new Refused({ code: 'download-failed', file: file.name, status: 0, reason });

/** Browsers do not say whether there is no network, a loop of redirects, or a server that pages may not read. */
const messageOf = (error: unknown) =>
  error instanceof TypeError
    ? 'the server could not be reached, or does not let pages read it'
    : error instanceof Error
      ? error.message
      : String(error);
