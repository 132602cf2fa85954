import type { Outcome } from '../../worker/protocol/failure.ts';

/** What a call becomes once nobody wants it any more. */
export const stopped: Outcome<never> = { ok: false, failure: { code: 'stopped' } };
