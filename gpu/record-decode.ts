import type { Forward } from './forward.ts';
import type { GpuWeights } from './gpu-weights.ts';
import type { Recorder } from './kernel.ts';
import { attend } from './kernels/attend.ts';
import { embed } from './kernels/embed.ts';
import { gateUp } from './kernels/gate-up.ts';
import { keepLogits } from './kernels/keep-logits.ts';
import { measure } from './kernels/measure.ts';
import { projectHeads } from './kernels/project-heads.ts';
import { project } from './kernels/project.ts';
import { sample } from './kernels/sample.ts';
import { attention, cacheHeads, queryHeads } from './layer-params.ts';
import type { ModelDims } from './plan/model-dims.ts';
import type { TextBuffers } from './text-buffers.ts';

/** One token through all layers: from its id in `text.tokens` to `text.hidden`, its KV into the caches. */
export function recordLayers(r: Recorder, forward: Forward): void {
  const { context, dims, sharing, weights, kv, text } = forward;
  const { heads, rmsNormEps: eps } = dims;
  const { matvec: tuning } = context.tuning;
  const normed = { kind: 'normed', dim: dims.hiddenSize, eps } as const;
  const { hidden, rope, step } = text;
  const none = weights.vector(0);

  const table = weights.matrix('embed');
  r.add(embed, table, { tokens: text.tokens, w: table.buffer, hidden, step });

  for (const layer of sharing.layers) {
    const i = layer.index;
    const attentionNorm = weights.vector(i, 'attentionNorm');

    const q = weights.matrix('q', i); // [heads, headDim]
    r.add(
      projectHeads,
      {
        matrix: q,
        input: normed,
        biased: dims.qkvBias,
        lanes: tuning.lanes,
        heads: queryHeads(dims),
      },
      {
        x: hidden,
        gain: attentionNorm,
        w: q.buffer,
        bias: weights.vector(i, 'qBias'),
        headGain: weights.vector(i, 'qNorm'),
        rope,
        out: text.q,
        step,
      },
    );

    const own = kv.get(i);
    const ownCache = text.caches.get(i);
    if (own && ownCache) {
      r.add(
        projectHeads,
        {
          matrix: own.matrix, // [(keys, values), kvHeads, headDim]
          input: normed,
          biased: dims.qkvBias,
          lanes: tuning.lanes,
          heads: cacheHeads(forward, ownCache),
        },
        {
          x: hidden,
          gain: attentionNorm,
          w: own.matrix.buffer,
          bias: own.bias,
          headGain: own.keyNorm,
          rope,
          out: ownCache.buffer,
          step,
        },
      );
    }

    const cache = cacheOf(text, layer.readsFrom);
    r.add(attend, attention(forward, layer, cache, text.splits), {
      q: text.q,
      kv: cache.buffer,
      y: text.attended,
      step,
    });

    const o = weights.matrix('o', i);
    r.add(
      project,
      {
        matrix: o,
        input: { kind: 'splits', splits: text.splits, heads },
        add: true,
        biased: dims.outputBias,
        tuning,
      },
      { x: text.attended, gain: none, w: o.buffer, bias: weights.vector(i, 'oBias'), y: hidden },
    );

    const gates = weights.matrix('gateUp', i);
    r.add(
      gateUp,
      { matrix: gates, input: normed, biased: dims.mlpBias, tuning },
      {
        x: hidden,
        gain: weights.vector(i, 'mlpNorm'),
        w: gates.buffer,
        bias: weights.vector(i, 'gateBias', 'upBias'),
        y: text.activated,
      },
    );

    const down = weights.matrix('down', i);
    r.add(
      project,
      { matrix: down, input: { kind: 'plain' }, add: true, biased: dims.mlpBias, tuning },
      { x: text.activated, gain: none, w: down.buffer, bias: weights.vector(i, 'downBias'), y: hidden },
    );
  }
}

/** The LM head: from `text.hidden` to `text.logits`. */
export function recordHead(r: Recorder, { context, dims, weights, text }: Forward): void {
  const head = headOf(dims, weights);
  r.add(
    project,
    {
      matrix: head,
      input: { kind: 'normed', dim: dims.hiddenSize, eps: dims.rmsNormEps },
      add: false,
      biased: false,
      tuning: context.tuning.matvec,
    },
    {
      x: text.hidden,
      gain: weights.vector(0, 'finalNorm'),
      w: head.buffer,
      bias: weights.vector(0),
      y: text.logits,
    },
  );
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
