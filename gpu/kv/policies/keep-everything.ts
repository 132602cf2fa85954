import type { Policy } from './policy.ts';

/** Keeps everything: what a session does unless it is told otherwise. */
export const keepEverything: Policy = {
  id: 'none',
  sinks: 0,
  recent: null,
  heavy: null,
  rows: null,
  cachePercent: null,
  recentPercent: 0,
  tauInit: 1,
  tauDelta: 0,
  seed: 0,
  positions: 'absolute',
  chunk: null,
  sparse: null,
  kernels: null,
};
