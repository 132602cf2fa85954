import type { Failure } from './protocol/failure.ts';

/** What the `error` event of a worker without a message means: its script did not come. */
export const WORKER_MISSING = 'the script of a worker did not come';
/** How Chromium and Firefox, WebKit, and {@link WORKER_MISSING} say that a script did not come. */
const missing = /dynamically imported module|Importing a module script failed|script of a worker did not/i;

/** What to say if a script of the page did not come: without a connection, or after the site got a new version. */
const partMissing: Failure = {
  code: 'download-failed',
  file: 'A part of the page',
  status: 0,
  reason: 'the connection failed, or the site has a new version, which a reload of the page opens',
};

/** The failure that an exception is which nobody expected: a missing part of the page, or else a bug. */
export function unexpectedFailure(error: unknown): Failure {
  const reason = error instanceof Error ? error.message : String(error);
  return missing.test(reason) ? partMissing : { code: 'internal', reason };
}
