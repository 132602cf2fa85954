/**
 * How kernels are shaped for an adapter. A software adapter runs an invocation at a time, so that barriers cost and
 * sharing a row among lanes gains nothing; a GPU wants neighboring lanes to read neighboring words.
 */
export interface Tuning {
  /** One row times a matrix. */
  readonly matvec: { readonly workgroup: number; readonly lanes: number };
  /** Many rows times a matrix in shared tiles; else each invocation by itself. */
  readonly tiled: boolean;
  readonly attendWorkgroup: number;
  readonly sampleWorkgroup: number;
  /** Keys for which a decoding attention gets one more workgroup, up to `mostSplits`. */
  readonly keysPerSplit: number;
  readonly mostSplits: number;
  /** Rows of a prompt that go through a layer at a time. */
  readonly chunkRows: number;
  /** Multiply-adds of a prefill's first submit; the later ones are measured. */
  readonly firstSubmitWork: number;
}

export const softwareTuning: Tuning = {
  matvec: { workgroup: 64, lanes: 1 },
  tiled: false,
  attendWorkgroup: 32,
  sampleWorkgroup: 64,
  keysPerSplit: 256,
  mostSplits: 1,
  chunkRows: 128,
  firstSubmitWork: 2e7,
};

export const hardwareTuning: Tuning = {
  matvec: { workgroup: 64, lanes: 32 },
  tiled: true,
  attendWorkgroup: 128,
  sampleWorkgroup: 256,
  keysPerSplit: 256,
  mostSplits: 8,
  chunkRows: 512,
  firstSubmitWork: 5e9,
};

export const tuningFor = (software: boolean): Tuning => (software ? softwareTuning : hardwareTuning);
