import { declareAccess, rowEntryBytes } from './access.ts';
import { sample } from './sample.ts';

/** Bytes of the options of one sequence; see webgpu/pack-sampling.ts. */
const optionsBytes = 32;

/** For greedy sampling without a repetition penalty: other sampling reads the logits up to ten times more. */
export const sampleAccess = declareAccess(sample, ({ constant, shape, workgroups: [rows] }) => {
  const invocations = constant('WG');
  return {
    loads: {
      logits: { asked: 4 * rows * (shape.rows + invocations), distinct: 4 * rows * shape.rows },
      rows: { asked: rows * invocations * rowEntryBytes, distinct: rows * rowEntryBytes },
      options: { asked: rows * invocations * optionsBytes, distinct: rows * optionsBytes },
    },
    barriers: rows * (2 + Math.log2(invocations)),
    // The row, the first logit, and one more in each round.
    longestLoadChain: 2 + Math.ceil(shape.rows / invocations),
  };
});
