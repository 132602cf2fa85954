import type { WeightPrecision } from '../gpu/numbers/matrix-format.ts';
import type { BackendChoice } from './protocol/load.ts';

/** Why a backend does not compute with weights in a format, and what to choose instead; null if it does. */
export const whyNotComputed = (weights: WeightPrecision, backend: BackendChoice): string | null =>
  weights === 'w4a8' && backend !== 'cpu'
    ? 'inputs of 8 bits are computed on the CPU alone: choose the backend CPU ("cpu"), or 4-bit weights without them ("q4")'
    : null;
