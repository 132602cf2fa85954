import type { Bound, Recorder } from './kernel.ts';
import { sample, sampleGather, sampleScan, type SampleParams } from './kernels/sample.ts';

interface SampleBuffers {
  readonly logits: GPUBuffer;
  readonly tokens: GPUBuffer;
  readonly seen: GPUBuffer;
  readonly options: GPUBuffer;
  readonly rows: Bound;
  readonly drawn: GPUBuffer;
  readonly found: GPUBuffer;
}

/** Draws the next token of each row: three dispatches if stretches of the vocabulary are shared, or one. */
export function recordSampler(r: Recorder, params: SampleParams, buffers: SampleBuffers): void {
  const { logits, tokens, seen, options, rows, found } = buffers;
  if (params.stretches > 0) {
    r.add(sampleScan, params, { logits, tokens, options, rows, found });
    r.add(sampleGather, params, { logits, options, rows, found, listed: seen });
  }
  r.add(sample, params, buffers);
}
