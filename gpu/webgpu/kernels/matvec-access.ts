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
  const [splits, heads] = input === 2 ? [constant('SPLITS'), constant('HEADS')] : [1, 0];
  const row = weightRow(dispatch);
  const inputVecs = shape.cols / 4;
  const inputBytes = 16 * inputVecs;
  const stats = 16 * splits * heads;
  const isNormed = input === 1;
  // A workgroup reads the maxima and sums twice.
  const prologue = groups * (input === 2 ? 2 * stats : 0);
  const { asked, gains, chunks, chain } = inputAsked(dispatch, row.units);
  return {
    loads: {
      x: {
        asked: columns * (prologue + splits * asked),
        distinct: columns * (splits * inputBytes + stats),
      },
      ...(isNormed && { gain: { asked: blocks * gains, distinct: inputBytes } }),
      w: {
        asked: blocks * rowsAsked * row.units * row.askedPerUnit,
        distinct: shape.rows * row.distinct,
      },
    },
    barriers:
      groups *
      (blocks * 2 * chunks +
        columns *
          ((isNormed ? 2 + Math.ceil(Math.log2(invocations)) : 0) +
            (input === 2 ? 1 : 0) +
            (lanes > 1 ? 2 + Math.log2(lanes) : 0))),
    longestLoadChain: columnsHere * Math.ceil(heads / invocations) + chain,
  };
}

/**
 * What is asked of the input, without maxima and sums: bytes of a column in all workgroups of a block, or of each of its
 * parts; bytes of the gains for all columns of a block; chunks that go through workgroup memory; and the longest chain,
 * with that of the matrix.
 */
function inputAsked({ constant, shape, workgroups }: Dispatch, units: number) {
  const [, groups] = workgroups;
  const [invocations, lanes, columnsHere] = [constant('WG'), constant('LANES'), constant('COLUMNS')];
  const [quads, staged, turns] = [2 * constant('EIGHTS'), constant('STAGED'), constant('TURNS')];
  const vecs = shape.cols / 4;
  const takers = (groups * invocations) / lanes;
  const squares = constant('INPUT') === 1 ? 1 : 0;
  const squaresBytes = squares * groups * 16 * vecs;
  const squaresChain = squares * columnsHere * Math.ceil(vecs / invocations);
  if (lanes === 1) {
    // Groups of 32 are whole, and what lies past the end of a row is multiplied with its last eight inputs.
    const inputs = takers * units * quads * 16;
    // Columns that follow each other ask for the same gains.
    return { asked: squaresBytes + inputs, gains: inputs, chunks: 0, chain: squaresChain + units };
  }
  if (staged === 0) {
    const inputs = takers * 16 * vecs;
    const chain = squaresChain + Math.ceil(units / lanes);
    return { asked: squaresBytes + inputs, gains: inputs, chunks: 0, chain };
  }
  let [chunks, chain] = [0, 0];
  if (turns > 1) chain += squaresChain;
  for (let first = 0; first < units * quads; first += staged) {
    const loaded = Math.max(0, Math.min(staged, vecs - first));
    const unitsHere = Math.min(staged, units * quads - first) / quads;
    chunks++;
    chain += columnsHere * Math.ceil(loaded / invocations) + Math.ceil(unitsHere / lanes);
  }
  const asked = groups * 16 * vecs;
  const before = turns > 1 ? squaresBytes : 0;
  return { asked: before + asked, gains: columnsHere * asked, chunks, chain };
}
