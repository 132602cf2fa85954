import type { Failure, PagePart } from './protocol/failure.ts';

/** What the `error` event of a worker without a message means: its script did not come. */
export const WORKER_MISSING = 'the script of a worker did not come';
/** How Chromium and Firefox, WebKit, and {@link WORKER_MISSING} say that a script did not come. */
const missing = /dynamically imported module|Importing a module script failed|script of a worker did not/i;

/**
 * What to say then: there is no connection, the site got a new version, or its data were deleted. The last takes the
 * service worker away, and browsers refuse workers without the headers that it added to the page's own.
 */
const partMissing: Failure = {
  code: 'download-failed',
  file: 'A part of the page' satisfies PagePart,
  status: 0,
  reason: 'the connection failed, the site has a new version, or its data in this browser were deleted',
};

/** The failure that an exception is which nobody expected: a missing part of the page, no storage, or else a bug. */
export function unexpectedFailure(error: unknown): Failure {
  const reason = error instanceof Error ? error.message : String(error);
  // By its name, which crosses from a worker as its class does not.
  if (error instanceof Error && error.name === 'NoStorage') return { code: 'no-storage', reason };
  return missing.test(reason) ? partMissing : { code: 'internal', reason };
}
