import type { Access, Dispatch } from './access.ts';

/** A row of a weight matrix as `weights.wgsl` reads it. */
export function weightRow({ constant, shape }: Pick<Dispatch, 'constant' | 'shape'>) {
  const quantized = constant('FORMAT') >= 3;
  const groups = Math.ceil(shape.cols / 32);
  const units = quantized ? (groups * 4) / constant('EIGHTS') : shape.cols / 8;
  const unitBytes = 16 * constant('VECS');
  return {
    units,
    /** What one unit asks for: itself and the word with its scale. */
    askedPerUnit: unitBytes + (quantized ? 4 : 0),
    /** Two scales lie in a word. */
    distinct: units * unitBytes + (quantized ? 4 * Math.ceil(groups / 2) : 0),
  };
}

/**
 * Rows that are asked for by invocations that take `rowsAtOnce` neighbors. Past the end they ask for the last row, and
 * what they ask for several times in succession counts once: no other load lies between if a row has neither scales nor
 * pairs of vec4u.
 */
export function rowsAskedFor({ constant }: Dispatch, rows: number, takers: number, rowsAtOnce: number) {
  const merges = constant('FORMAT') < 3 && constant('VECS') === 1;
  return merges ? rows + takers - Math.ceil(rows / rowsAtOnce) : rowsAtOnce * takers;
}

/** Takers of four rows in the workgroups of one block of columns. */
export const takersIn = ({ constant, workgroups: [, groups] }: Dispatch) =>
  (groups * constant('WG')) / constant('LANES');

/** Columns in all blocks: rows of x that the kernel takes, the last of which may be unused. */
export const columnsIn = ({ constant, workgroups: [blocks] }: Dispatch) => blocks * constant('COLUMNS');

/**
 * What `matvec.wgsl` loads.
 *
 * @param rowsAsked of the matrix, by one block of columns
 */
export function matvecAccess(dispatch: Dispatch, rowsAsked: number): Access<'x' | 'gain' | 'w'> {
  const { constant, shape, workgroups } = dispatch;
  const [blocks, groups] = workgroups;
  const [invocations, lanes, input] = [constant('WG'), constant('LANES'), constant('INPUT')];
  const [columns, columnsHere] = [columnsIn(dispatch), constant('COLUMNS')];
  const row = weightRow(dispatch);
  const inputBytes = 4 * shape.cols;
  // Groups of 32 are whole, and what lies past the end of a row is multiplied with its last eight inputs.
  const inputs = takersIn(dispatch) * row.units * constant('EIGHTS') * 32;
  const w = {
    asked: blocks * rowsAsked * row.units * row.askedPerUnit,
    distinct: shape.rows * row.distinct,
  };
  const sumLanes = lanes > 1 ? 2 + Math.log2(lanes) : 0;
  const rounds = Math.ceil(row.units / lanes);
  switch (input) {
    case 1:
      return {
        loads: {
          x: { asked: columns * (groups * inputBytes + inputs), distinct: columns * inputBytes },
          gain: { asked: blocks * inputs, distinct: inputBytes }, // columns that follow each other ask for the same
          w,
        },
        barriers: columns * groups * (2 + Math.ceil(Math.log2(invocations)) + sumLanes),
        longestLoadChain: columnsHere * Math.ceil(shape.cols / 4 / invocations) + rounds,
      };
    case 2: {
      const [splits, heads] = [constant('SPLITS'), constant('HEADS')];
      const stats = 16 * splits * heads;
      return {
        // A workgroup reads the maxima and sums twice.
        loads: {
          x: {
            asked: columns * (groups * 2 * stats + splits * inputs),
            distinct: columns * (splits * inputBytes + stats),
          },
          w,
        },
        barriers: columns * groups * (1 + sumLanes),
        longestLoadChain: columnsHere * Math.ceil(heads / invocations) + rounds,
      };
    }
    default:
      return {
        loads: { x: { asked: columns * inputs, distinct: columns * inputBytes }, w },
        barriers: columns * groups * sumLanes,
        longestLoadChain: rounds,
      };
  }
}
