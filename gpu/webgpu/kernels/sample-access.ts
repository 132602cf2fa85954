import { declareAccess, onceEach } from './access.ts';
import { sample } from './sample.ts';

/** For greedy sampling without a repetition penalty: other sampling reads the logits up to ten times more. */
export const sampleAccess = declareAccess(sample, ({ constant, shape }) => {
  const invocations = constant('WG');
  return {
    loads: { logits: { asked: 4 * (shape.rows + invocations), distinct: 4 * shape.rows }, rows: onceEach(4) },
    barriers: 2 + Math.log2(invocations),
    // The first logit, one more in each round, and where the token goes.
    longestLoadChain: 2 + Math.ceil(shape.rows / invocations),
  };
});
