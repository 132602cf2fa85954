import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { HeldTrace } from '../../../web/panels/held/held-trace.svelte.ts';

let frames: FrameRequestCallback[] = [];
beforeEach(() => {
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (draw: FrameRequestCallback) => frames.push(draw));
  vi.stubGlobal('cancelAnimationFrame', (frame: number) => frames.splice(frame - 1, 1));
});
afterEach(() => vi.unstubAllGlobals());

const token = { type: 'token', id: 5, text: 'a', ms: 0, kvBytes: 0 } as const;

it('The trace of held rows changes once a frame, however many tokens arrive', () => {
  const trace = new HeldTrace();
  const before = trace.version;
  for (let i = 0; i < 5; i++) trace.receive(token);
  expect([trace.version - before, frames.length]).toEqual([0, 1]);
  frames[0]?.(0);
  expect([trace.version - before, trace.textTokens]).toEqual([1, 4]);
});

it('The trace of held rows shows what arrived in a hidden tab when the run ends', () => {
  const trace = new HeldTrace();
  const before = trace.version;
  trace.receive(token);
  const kv = { bytes: 0, allocatedBytes: 0, bytesPerToken: 0, layers: [] };
  const timing = { prefillMs: 0, decodeMs: 0, prefillTokensPerSec: 0, decodeTokensPerSec: 0 };
  trace.receive({ type: 'stats', kv, timing, newTokens: 1 });
  expect([trace.version - before, frames]).toEqual([1, []]);
});
