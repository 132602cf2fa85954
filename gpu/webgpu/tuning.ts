import type { Columns } from './kernels/columns.ts';

/**
 * How kernels are shaped for an adapter. A software adapter runs an invocation at a time, so that barriers cost and
 * sharing a row among lanes gains nothing; a GPU wants neighboring lanes to read neighboring words.
 */
export interface Tuning {
  /** One row times a matrix: the largest workgroup, and the lanes of four matrix rows. */
  readonly matvec: { readonly workgroup: number; readonly lanes: number };
  /**
   * The most rows that are decoded together with one reading of a matrix. A software adapter compiles a kernel for eight
   * for several seconds, and has no bandwidth to save.
   */
  readonly mostColumns: Columns;
  /** Whether the invocations of a workgroup share what they load; else each works by itself. */
  readonly tiled: boolean;
  readonly attendWorkgroup: number;
  readonly sampleWorkgroup: number;
  /** Workgroups among which a decoding attention divides the keys of a long text: a power of two. */
  readonly mostSplits: number;
  /** Rows of a prompt that go through a layer at a time. */
  readonly chunkRows: number;
  /** Multiply-adds of one job of a prefill, which cannot be divided once it is submitted. */
  readonly mostJobWork: number;
  /** Multiply-adds of a prefill's first submit; the later ones are measured. */
  readonly firstSubmitWork: number;
}

export const softwareTuning: Tuning = {
  matvec: { workgroup: 64, lanes: 1 },
  mostColumns: 4,
  tiled: false,
  attendWorkgroup: 32,
  sampleWorkgroup: 64,
  mostSplits: 1,
  chunkRows: 128,
  mostJobWork: Infinity,
  firstSubmitWork: 2e7,
};

export const hardwareTuning: Tuning = {
  matvec: { workgroup: 256, lanes: 32 },
  mostColumns: 8,
  tiled: true,
  attendWorkgroup: 128,
  sampleWorkgroup: 256,
  mostSplits: 16,
  chunkRows: 512,
  // 0.3 s on a GPU that reaches a tenth of 1e12 a second: an integrated one, or a phone's.
  mostJobWork: 3e10,
  firstSubmitWork: 5e9,
};

export const tuningFor = (software: boolean): Tuning => (software ? softwareTuning : hardwareTuning);
