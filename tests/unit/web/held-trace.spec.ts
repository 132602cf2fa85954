import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { RunDesk } from '../../../web/playground/run-desk.svelte.ts';
import type { Run } from '../../../web/playground/run.ts';
import { HeldTrace } from '../../../web/panels/picture/held-trace.svelte.ts';

let frames: FrameRequestCallback[] = [];
beforeEach(() => {
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (draw: FrameRequestCallback) => frames.push(draw));
  vi.stubGlobal('cancelAnimationFrame', (frame: number) => frames.splice(frame - 1, 1));
});
afterEach(() => vi.unstubAllGlobals());

type Receive = Parameters<RunDesk['listen']>[0];

/** A desk whose runs are told apart by their numbers alone. */
function deskOf() {
  const told: Receive[] = [];
  const desk = {
    run: { number: 1 } as Run, // the trace looks at nothing else
    listen: (listener: Receive) => {
      told.push(listener);
      return () => undefined;
    },
  };
  const trace = new HeldTrace(desk);
  const receive: Receive = (event) => {
    for (const listener of told) listener(event);
  };
  receive({ type: 'prefill', fraction: 1, promptTokens: 0, mode: 'sequential' });
  return { desk, trace, receive };
}

const token = { type: 'token', id: 5, text: 'a', ms: 0, kvBytes: 0 } as const;

it('The trace of held rows changes once a frame, however many tokens arrive', () => {
  const { trace, receive } = deskOf();
  const before = trace.version;
  for (let i = 0; i < 5; i++) receive(token);
  expect([trace.version - before, frames.length]).toEqual([0, 1]);
  frames[0]?.(0);
  expect([trace.version - before, trace.textTokens]).toEqual([1, 4]);
});

it('The trace of held rows shows what arrived in a hidden tab when the run ends', () => {
  const { trace, receive } = deskOf();
  const before = trace.version;
  receive(token);
  const kv = { bytes: 0, allocatedBytes: 0, bytesPerToken: 0, layers: [] };
  const timing = { prefillMs: 0, decodeMs: 0, prefillTokensPerSec: 0, decodeTokensPerSec: 0 };
  receive({ type: 'stats', kv, timing, newTokens: 1 });
  expect([trace.version - before, frames]).toEqual([1, []]);
});

it('The trace of held rows forgets a run when the next one tells of anything, even if its prompt is not told', () => {
  const { desk, trace, receive } = deskOf();
  receive({ ...token, kvBytes: 512 });
  receive(token);
  desk.run = { number: 2 } as Run; // as above
  receive({ type: 'prefill', fraction: 0.5, promptTokens: 8, mode: 'sequential' });
  expect([trace.number, trace.textTokens, trace.kvBytes, trace.tokenAt(0)]).toEqual([2, 4, 0, null]);
});
