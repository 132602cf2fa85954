import type { Forward } from './forward.ts';
import type { GpuWeights } from './weights.ts';
import { paddedCols } from '../numbers/matrix-format.ts';
import type { Recorder } from './kernel.ts';
import { attend } from './kernels/attend.ts';
import { gateUp } from './kernels/gate-up.ts';
import type { HeadsParams } from './kernels/heads.ts';
import { keepLogits } from './kernels/keep-logits.ts';
import type { MatvecInput } from './kernels/matvec.ts';
import { measure } from './kernels/measure.ts';
import { placeHeads } from './kernels/place-heads.ts';
import { projectHeads } from './kernels/project-heads.ts';
import { project } from './kernels/project.ts';
import { sample } from './kernels/sample.ts';
import { swiglu } from './kernels/swiglu.ts';
import { attention, cacheHeads, queryHeads } from './layer-params.ts';
import { rowsFrom, wholeOf, type Matrix } from './matrix.ts';
import type { ModelDims } from '../plan/model-dims.ts';
import { recordEmbed } from './embed.ts';
import type { TextBuffers } from './session-buffers.ts';

/** One token through all layers: from its id in `text.tokens` to `text.hidden`, its KV into the caches. */
export function recordLayers(r: Recorder, forward: Forward): void {
  const { dims, sharing, weights, kv, text } = forward;
  const { heads, rmsNormEps: eps } = dims;
  const normed = { kind: 'normed', dim: dims.hiddenSize, eps } as const;
  const { hidden, step } = text;
  const none = weights.vector(0);

  recordEmbed(r, weights, { tokens: text.tokens, hidden, step });

  for (const layer of sharing.layers) {
    const i = layer.index;
    const gain = weights.vector(i, 'attentionNorm');

    recordHeads(r, forward, weights.matrix('q', i), queryHeads(dims), {
      gain,
      bias: weights.vector(i, 'qBias'),
      headGain: weights.vector(i, 'qNorm'),
      out: text.q,
    });

    const own = kv.get(i);
    const ownCache = text.caches.get(i);
    if (own && ownCache) {
      recordHeads(r, forward, own.matrix, cacheHeads(forward, ownCache), {
        gain,
        bias: own.bias,
        headGain: own.keyNorm,
        out: ownCache.buffer,
      });
    }

    const cache = cacheOf(text, layer.readsFrom);
    r.add(attend, attention(forward, layer, cache, text.splits), {
      q: text.q,
      kv: cache.buffer,
      y: text.attended,
      step,
    });

    multiplyRow(
      r,
      forward,
      {
        matrix: weights.matrix('o', i),
        input: { kind: 'splits', splits: text.splits, heads },
        add: true,
        biased: dims.outputBias,
      },
      { x: text.attended, gain: none, bias: weights.vector(i, 'oBias'), y: hidden },
    );

    recordGateUp(r, forward, i, normed);

    multiplyRow(
      r,
      forward,
      { matrix: weights.matrix('down', i), input: { kind: 'plain' }, add: true, biased: dims.mlpBias },
      { x: text.activated, gain: none, bias: weights.vector(i, 'downBias'), y: hidden },
    );
  }
}

/** The LM head: from `text.hidden` to `text.logits`. */
export function recordHead(r: Recorder, forward: Forward): void {
  const { dims, weights, text } = forward;
  const input = { kind: 'normed', dim: dims.hiddenSize, eps: dims.rmsNormEps } as const;
  multiplyRow(
    r,
    forward,
    { matrix: headOf(dims, weights), input, add: false, biased: false },
    { x: text.hidden, gain: weights.vector(0, 'finalNorm'), bias: weights.vector(0), y: text.logits },
  );
}

interface RowProduct {
  readonly matrix: Matrix;
  readonly input: MatvecInput;
  readonly add: boolean;
  readonly biased: boolean;
}

/** One row times a matrix, part by part of it. */
function multiplyRow(
  r: Recorder,
  { context }: Forward,
  { matrix, ...product }: RowProduct,
  {
    bias,
    y,
    ...input
  }: { readonly x: GPUBuffer; readonly gain: GPUBuffer; readonly bias: GPUBuffer; readonly y: GPUBuffer },
): void {
  for (const part of matrix.parts) {
    r.add(
      project,
      { matrix: part, ...product, tuning: context.tuning.matvec },
      {
        ...input,
        w: part.buffer,
        bias: product.biased ? rowsFrom(bias, part.firstRow) : bias,
        y: rowsFrom(y, part.firstRow),
      },
    );
  }
}

/** The hidden state through the query, or the key and value, projection of a layer, to `out`. */
function recordHeads(
  r: Recorder,
  forward: Forward,
  matrix: Matrix,
  heads: HeadsParams,
  {
    gain,
    bias,
    headGain,
    out,
  }: {
    readonly gain: GPUBuffer;
    readonly bias: GPUBuffer;
    readonly headGain: GPUBuffer;
    readonly out: GPUBuffer;
  },
): void {
  const { context, dims, text } = forward;
  const { hidden, rope, step } = text;
  const input = { kind: 'normed', dim: dims.hiddenSize, eps: dims.rmsNormEps } as const;
  const biased = dims.qkvBias;
  const whole = wholeOf(matrix);
  if (whole) {
    const { lanes } = context.tuning.matvec;
    r.add(
      projectHeads,
      { matrix: whole, input, biased, lanes, heads },
      { x: hidden, gain, w: whole.buffer, bias, headGain, rope, out, step },
    );
    return;
  }
  const projected = projectedOf(text);
  multiplyRow(r, forward, { matrix, input, add: false, biased }, { x: hidden, gain, bias, y: projected });
  r.add(placeHeads, heads, { x: projected, headGain, rope, out, step });
}

/** The hidden state through a layer's gate and up, to `text.activated`. */
function recordGateUp(r: Recorder, forward: Forward, layer: number, input: MatvecInput): void {
  const { context, dims, weights, text } = forward;
  const matrix = weights.matrix('gateUp', layer);
  const bias = weights.vector(layer, 'gateBias', 'upBias');
  const gain = weights.vector(layer, 'mlpNorm');
  const biased = dims.mlpBias;
  const whole = wholeOf(matrix);
  if (whole) {
    r.add(
      gateUp,
      { matrix: whole, input, biased, tuning: context.tuning.matvec },
      { x: text.hidden, gain, w: whole.buffer, bias, y: text.activated },
    );
    return;
  }
  const projected = projectedOf(text);
  multiplyRow(
    r,
    forward,
    { matrix, input, add: false, biased },
    { x: text.hidden, gain, bias, y: projected },
  );
  const dim = dims.intermediateSize;
  r.add(swiglu, { dim, yStride: paddedCols(dim) }, { x: projected, y: text.activated });
}

/** The next token: from `text.logits` to `text.tokens`. */
export function recordSample(r: Recorder, { context, dims, text }: Forward): void {
  r.add(
    sample,
    { vocabSize: dims.vocabSize, workgroup: context.tuning.sampleWorkgroup },
    { logits: text.logits, tokens: text.tokens, seen: text.seen, options: text.sampling, step: text.step },
  );
}

/** `text.logits` once more, as the model computed them. */
export function recordKeptLogits(r: Recorder, { dims, text }: Forward): void {
  if (text.measured) r.add(keepLogits, dims, { logits: text.logits, kept: text.measured.logits });
}

/** What the kept logits say of the token that was drawn: to `text.measured.words`. */
export function recordMeasure(r: Recorder, { context, dims, text }: Forward): void {
  if (!text.measured) return;
  const { logits, words } = text.measured;
  r.add(
    measure,
    { vocabSize: dims.vocabSize, workgroup: context.tuning.sampleWorkgroup },
    { logits, tokens: text.tokens, measure: words, step: text.step },
  );
}

export const headOf = (dims: ModelDims, weights: GpuWeights) =>
  weights.matrix(dims.tiedEmbeddings ? 'embed' : 'head');

export function cacheOf({ caches }: Pick<TextBuffers, 'caches'>, owner: number) {
  const cache = caches.get(owner);
  if (!cache) throw new Error(`layer ${owner} owns no cache`);
  return cache;
}

function projectedOf({ projected }: TextBuffers): GPUBuffer {
  if (!projected) throw new Error('a matrix lies in parts, and there is no room for its product');
  return projected;
}
