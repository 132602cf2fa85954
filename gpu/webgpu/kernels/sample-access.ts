import { declareAccess, rowEntryBytes } from './access.ts';
import { sample, sampleGather, sampleScan } from './sample.ts';

/** Bytes of the options of one sequence; see webgpu/pack-sampling.ts. */
const optionsBytes = 32;

/** The row of the table and the options, for every invocation. */
const placeLoads = (rows: number, invocations: number) => ({
  rows: { asked: rows * invocations * rowEntryBytes, distinct: rows * rowEntryBytes },
  options: { asked: rows * invocations * optionsBytes, distinct: rows * optionsBytes },
});

// All for greedy sampling without a repetition penalty: other sampling reads the logits more often.

export const sampleScanAccess = declareAccess(sampleScan, ({ constant, shape, workgroups }) => {
  const [stretches, rows] = workgroups;
  const invocations = constant('WG');
  const logits = 4 * rows * shape.rows;
  return {
    loads: {
      logits: { asked: logits, distinct: logits },
      ...placeLoads(rows, stretches * invocations),
    },
    barriers: rows * stretches * (2 + Math.log2(invocations)),
    // The row, its options, and a logit in each round.
    longestLoadChain: 2 + Math.ceil(Math.ceil(shape.rows / stretches) / invocations),
  };
});

export const sampleGatherAccess = declareAccess(sampleGather, ({ constant, workgroups }) => {
  const [stretches, rows] = workgroups;
  const invocations = stretches * constant('WG');
  return { loads: placeLoads(rows, invocations), barriers: 0, longestLoadChain: 2 };
});

export const sampleAccess = declareAccess(sample, ({ constant, shape, workgroups: [rows] }) => {
  const [invocations, stretches] = [constant('WG'), constant('STRETCHES')];
  const places = placeLoads(rows, invocations);
  if (stretches > 0) {
    const found = 16 * rows * stretches;
    return {
      loads: { ...places, found: { asked: found, distinct: found } },
      barriers: 2 * rows,
      longestLoadChain: 2 + Math.ceil(stretches / invocations),
    };
  }
  return {
    loads: {
      logits: { asked: 4 * rows * (shape.rows + invocations), distinct: 4 * rows * shape.rows },
      ...places,
    },
    barriers: rows * (2 + Math.log2(invocations)),
    // The row, the first logit, and one more in each round.
    longestLoadChain: 2 + Math.ceil(shape.rows / invocations),
  };
});
