import { SMALLEST_TEMPERATURE, type SamplingOptions } from '../plan/sampling.ts';
import { seedKey } from '../cpu/random.ts';

/** Bytes of the options of one sequence. */
export const SAMPLING_BYTES = 32;

/** Sampling options as `kernels/sample.wgsl` reads them. */
export function packSampling(options: SamplingOptions): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(SAMPLING_BYTES));
  const [keyLow, keyHigh] = seedKey(options.seed);
  view.setFloat32(0, options.temperature < SMALLEST_TEMPERATURE ? 0 : options.temperature, true);
  view.setUint32(4, options.topK, true);
  view.setFloat32(8, options.topP, true);
  view.setFloat32(12, options.minP, true);
  view.setFloat32(16, options.repetitionPenalty, true);
  view.setUint32(20, keyLow, true);
  view.setUint32(24, keyHigh, true);
  return view.buffer;
}
