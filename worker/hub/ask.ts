/** Questions to a server whose answers are small: its lists, and the index of the weights. */
import { BadJson, NotJson, parseHostileJson } from '../hostile-json.ts';
import { Refused } from '../outcome.ts';
import { chunksIn } from '../stream-chunks.ts';
import { Attempt } from './attempt.ts';
import type { Gate } from './gate.ts';
import type { HubServer } from './hub-requests.ts';
import { Patience, retryAfterMs, type Clock } from './patience.ts';
import { isRedirectLoop, isWebPage, leadsNowhere, reasonOf, redirects, seconds } from './request-failure.ts';

export interface AskOptions {
  readonly gate: Gate;
  readonly onWait: (reason: string, forMs: number) => void;
  readonly clock?: Clock | undefined;
  /** A request is given up and made again if nothing arrives for this long. */
  readonly stallMs?: number | undefined;
}

export interface Question {
  readonly path: string;
  readonly init?: RequestInit;
  /** The file that is asked for; null for a list of the repository. */
  readonly file: string | null;
  readonly maxBytes: number;
}

export const STALL_MS = 30_000;
/** All requests for one answer together may take this many times as long as one may be silent. */
const STALLS_PER_ANSWER = 2;
/** An answer that cannot be parsed may have been cut short, so it is asked for this many times. */
const PARSES_TRIED = 3;

/**
 * Asks until the server gives a whole answer that `parse` accepts.
 *
 * @param parse throws NotJson for an answer that may have been cut short; BadJson or Refused for one that is of no use
 * @throws Refused with `download-failed`, `hub-refused` or `cancelled`
 */
export async function ask<T>(
  server: HubServer,
  question: Question,
  parse: (text: string) => T,
  options: AskOptions,
): Promise<T> {
  const { path, init = {}, file, maxBytes } = question;
  const { gate, stallMs = STALL_MS } = options;
  const what = file ?? server.repository;
  const patience = new Patience(what, gate, options.onWait, options.clock);
  const allowedMs = STALLS_PER_ANSWER * stallMs;
  let spentMs = 0;
  let parses = 0;
  for (;;) {
    await gate.pass();
    if (spentMs >= allowedMs) throw unusable(what, `the server did not answer within ${seconds(allowedMs)}`);
    const { interrupted } = gate;
    const attempt = new Attempt(interrupted, stallMs, allowedMs - spentMs);
    const startedMs = performance.now();
    try {
      const response = await attempt.watch(server.ask(path, { ...init, signal: attempt.signal }));
      if (!response.ok) {
        const refusal = server.refusal(response, file);
        if (refusal) throw refusal;
        const { status } = response;
        await patience.afterFailure(status, `the server answered ${status}`, retryAfterMs(response));
        continue;
      }
      if (isWebPage(response)) throw server.webPage();
      const text = await textOf(response, attempt, what, maxBytes);
      spentMs += performance.now() - startedMs;
      if (/^\s*</.test(text)) throw server.webPage();
      return parse(text);
    } catch (error) {
      if (error instanceof Refused) throw error;
      if (interrupted.aborted) continue; // by a person: the gate knows what they want
      if (error instanceof NotJson) {
        const reason = 'the server’s answer is cut short, or is not JSON';
        if (++parses >= PARSES_TRIED) throw unusable(what, reason);
        await patience.afterFailure(0, reason);
        continue;
      }
      if (error instanceof BadJson)
        throw unusable(what, `the server’s answer is of no use: ${error.message}`);
      spentMs += performance.now() - startedMs;
      const silent = attempt.ended !== null || attempt.answered;
      if (isRedirectLoop(error) || (!silent && (await redirects(server, path, init, gate, stallMs)))) {
        throw leadsNowhere(what);
      }
      await patience.afterFailure(0, reasonOf(error, attempt, stallMs));
    } finally {
      attempt.close();
    }
  }
}

/** Enough for a repository of 100,000 files. `maxBytes` of the question bounds the length. */
const limits = { length: Infinity, values: 2_000_000, names: 10_000, nonFinite: false, isFile: false };

/** {@link ask} for JSON. */
export const askJson = (server: HubServer, question: Question, options: AskOptions): Promise<unknown> =>
  ask(server, question, (text) => parseHostileJson(text, limits), options);

async function textOf(response: Response, attempt: Attempt, what: string, maxBytes: number): Promise<string> {
  const text = new TextDecoder();
  const parts: string[] = [];
  let bytes = 0;
  for await (const chunk of chunksIn(response.body, (reading) => attempt.watch(reading))) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw unusable(what, `the server’s answer has more than ${maxBytes} bytes`);
    parts.push(text.decode(chunk, { stream: true }));
  }
  return parts.join('') + text.decode();
}

export const unusable = (file: string, reason: string) =>
  new Refused({ code: 'download-failed', file, status: 0, reason });
