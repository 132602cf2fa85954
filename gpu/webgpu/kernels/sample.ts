import { defineKernel } from '../kernel.ts';
import found from './found.wgsl?raw';
import random from './random.wgsl?raw';
import rows from './rows.wgsl?raw';
import gather from './sample-gather.wgsl?raw';
import scan from './sample-scan.wgsl?raw';
import source from './sample.wgsl?raw';
import sampling from './sampling.wgsl?raw';
import shape from './shape.wgsl?raw';

export interface SampleParams {
  readonly vocabSize: number;
  /** Room for tokens of a sequence. */
  readonly tokenPlaces: number;
  readonly workgroup: number;
  /** Into which the vocabulary is divided among workgroups: {@link stretchesOf} it, or 0 if one does everything. */
  readonly stretches: number;
}

/** What the kernel writes instead of a token if some logit is not finite. */
export const NOT_FINITE = 0xffffffff;

/** Stretches of a vocabulary: of a thousand logits as far as 128 workgroups go, and of at most 16,384. */
export const stretchesOf = (vocabSize: number): number =>
  Math.max(Math.min(128, Math.ceil(vocabSize / 1024)), Math.ceil(vocabSize / 16_384));

/** Bytes of what scan and gather find in a row; see `found.wgsl`. */
export const foundBytes = (vocabSize: number): number => 4 * (5 * stretchesOf(vocabSize) + 3);

const constants = ({ workgroup, stretches }: SampleParams) => ({
  WG: workgroup,
  STRETCHES: stretches,
  PLACES: Math.max(1, stretches),
});
const shapeOf = ({ vocabSize, tokenPlaces }: SampleParams) => ({ rows: vocabSize, yStride: tokenPlaces });
const preludes = [rows, shape, sampling, found];

/** The repetition penalty, and the best of each stretch of each row. */
export const sampleScan = defineKernel({
  label: 'sample-scan',
  source: [...preludes, scan].join('\n'),
  bindings: {
    logits: 'write',
    tokens: 'read',
    options: 'read',
    shape: 'shape',
    rows: 'read',
    found: 'write',
  },
  constants,
  shape: shapeOf,
  workgroups: ({ stretches }: SampleParams, rowCount) => [stretches, rowCount],
});

/** The likely tokens of each row, or what each stretch keeps. */
export const sampleGather = defineKernel({
  label: 'sample-gather',
  source: [...preludes, gather].join('\n'),
  bindings: {
    logits: 'read',
    options: 'read',
    shape: 'shape',
    rows: 'read',
    found: 'write',
    listed: 'write',
  },
  constants,
  shape: shapeOf,
  workgroups: ({ stretches }: SampleParams, rowCount) => [stretches, rowCount],
});

/** The next token of each row's sequence, drawn from the logits and written behind the row's position. */
export const sample = defineKernel({
  label: 'sample',
  source: [...preludes, random, source].join('\n'),
  bindings: {
    logits: 'write',
    tokens: 'write',
    seen: 'write',
    options: 'read',
    shape: 'shape',
    rows: 'read',
    drawn: 'write',
    found: 'read',
  },
  constants,
  shape: shapeOf,
  workgroups: (_, rowCount) => [rowCount],
});
