import type { Backend, Batch, BatchText, BatchWork } from '../../gpu/backend.ts';
import { formatLayerTypes } from '../../gpu/plan/layer-types.ts';
import { greedy } from '../../gpu/plan/sampling.ts';
import { mostInPiece } from '../../worker/engine/open-policy.ts';
import { readPrompts } from '../../worker/engine/read-prompts.ts';
import { largestBatch } from '../../worker/evaluate/largest-batch.ts';
import type { ModelSource } from '../../worker/loader/model-source.ts';
import type { LargestBatch } from '../../worker/protocol/largest-batch.ts';
import { ThroughputClock } from '../../worker/throughput-clock.ts';
import { load, type Loaded, type Opened } from './bench.ts';
import { spread, type Spread } from './spread.mjs';
import type { BatchAsked, BenchRequest } from './options.ts';

export interface BatchReport {
  readonly request: BenchRequest;
  readonly adapter: Backend['adapter'];
  readonly weightBytes: number;
  readonly plans: readonly PlanReport[];
}

interface PlanReport {
  readonly layerTypes: string;
  readonly kvBytesPerToken: number;
  /** Null unless a budget was given. */
  readonly largest: LargestBatch | null;
  readonly batches: readonly SizeReport[];
}

interface SizeReport {
  readonly sequences: number;
  /** How many of them were decoded at once: fewer if the backend has fewer places. */
  readonly places: number;
  readonly throughputTokensPerSec: Spread;
  readonly throughputWithPrefillTokensPerSec: Spread;
  /** Times the throughput of the smallest size. */
  readonly timesSmallest: number;
  /** What all sequences held at the end. */
  readonly kvBytes: number;
  /** What the batch allocated, without the model's weights. */
  readonly allocatedBytes: number;
  /** Of one decoding step; null if the backend does not count it. */
  readonly perStep: BatchWork | null;
}

const never = () => false;

/** Measures several sequences at once, for each plan and size. Sizes beyond the budget are left out. */
export async function benchBatches(
  request: BenchRequest,
  asked: BatchAsked,
  backend: Backend,
  openSource: (model: string) => ModelSource,
): Promise<BatchReport> {
  const loaded = await load(request, backend, openSource);
  const plans: PlanReport[] = [];
  for (const layerTypes of asked.plans.length > 0 ? asked.plans : [null]) {
    const opened = layerTypes === null ? loaded : await loaded.under(layerTypes);
    plans.push(await benchPlan(request, asked, loaded, opened));
  }
  const report = { request, adapter: backend.adapter, weightBytes: loaded.model.bytes, plans };
  loaded.model.free();
  return report;
}

async function benchPlan(
  request: BenchRequest,
  { sizes, budgetBytes }: BatchAsked,
  { model }: Loaded,
  opened: Opened,
): Promise<PlanReport> {
  const text = textOf(request, opened);
  const largest = budgetBytes === null ? null : await largestBatch(model, opened.plan, text, budgetBytes);
  const fitting = sizes.filter((size) => size <= (largest?.places ?? Infinity));
  const runs = new Map<number, Run[]>(fitting.map((size) => [size, []]));
  for (const size of fitting) await once(model, opened, { ...request, newTokens: 3 }, size); // warms up
  for (let round = 0; round < request.repeats; round++) {
    // There and back again, so that a machine that slows down favors no size.
    for (const size of round % 2 === 0 ? fitting : fitting.toReversed()) {
      runs.get(size)?.push(await once(model, opened, request, size));
    }
  }
  const reports = fitting.map((size) => reportOf(size, runs.get(size) ?? []));
  const smallest = reports[0]?.throughputTokensPerSec.median ?? 1;
  return {
    layerTypes: formatLayerTypes(opened.plan.sharing.layers),
    kvBytesPerToken: [...runs.values()].flat()[0]?.kvBytesPerToken ?? 0,
    largest,
    batches: reports.map((report) => ({
      ...report,
      timesSmallest: report.throughputTokensPerSec.median / smallest,
    })),
  };
}

const textOf = ({ promptTokens, newTokens }: BenchRequest, opened: Opened) => ({
  ...opened.textOf(promptTokens + newTokens),
  turnTokens: mostInPiece(promptTokens, opened.policy),
});

interface Run {
  readonly places: number;
  readonly throughput: number;
  readonly throughputWithPrefill: number;
  readonly kvBytes: number;
  readonly kvBytesPerToken: number;
  readonly allocatedBytes: number;
  readonly perStep: BatchWork | null;
}

function reportOf(sequences: number, runs: readonly Run[]): Omit<SizeReport, 'timesSmallest'> {
  const first = runs[0];
  return {
    sequences,
    places: first?.places ?? 0,
    throughputTokensPerSec: spread(runs.map(({ throughput }) => throughput)),
    throughputWithPrefillTokensPerSec: spread(runs.map((run) => run.throughputWithPrefill)),
    kvBytes: first?.kvBytes ?? 0,
    allocatedBytes: first?.allocatedBytes ?? 0,
    perStep: first?.perStep ?? null,
  };
}

/** Writes a number of sequences of one length, each from its own prompt. */
async function once(
  model: Loaded['model'],
  opened: Opened,
  request: BenchRequest,
  sequences: number,
): Promise<Run> {
  const { promptTokens, newTokens } = request;
  const text = textOf(request, opened);
  const { turnTokens } = text;
  const clock = new ThroughputClock();
  const batch = await model.openBatch({ ...opened.plan, texts: [text], places: sequences, turnTokens });
  let kvBytes = 0;
  let kvBytesPerToken = 0;
  let allocatedBytes = 0;
  let perStep: BatchWork | null = null;
  try {
    const places = Math.min(batch.places, sequences);
    for (let written = 0; written < sequences; written += places) {
      const texts: BatchText[] = [];
      for (let place = 0; place < Math.min(places, sequences - written); place++) {
        texts.push(await batch.open(text));
      }
      const prompts = texts.map((each, place) => ({
        ...{ text: each, mode: request.mode, policy: opened.policy },
        tokens: promptOf(opened, promptTokens, written + place),
      }));
      await clock.prefill(promptTokens * texts.length, (onPrepared) =>
        readPrompts(batch, prompts, { onPrepared, stopped: never }),
      );
      perStep = await decode(batch, texts, newTokens, clock);
      allocatedBytes = Math.max(allocatedBytes, batch.allocatedBytes);
      for (const each of texts) {
        const kv = each.kvUsage();
        kvBytes += kv.bytes;
        kvBytesPerToken = kv.bytesPerToken;
        each.close();
      }
    }
    const { throughputTokensPerSec, throughputWithPrefillTokensPerSec } = clock.timing();
    return {
      ...{ places, kvBytes, kvBytesPerToken, allocatedBytes, perStep },
      throughput: throughputTokensPerSec,
      throughputWithPrefill: throughputWithPrefillTokensPerSec,
    };
  } finally {
    batch.close();
  }
}

const promptOf = ({ dims }: Opened, tokens: number, sequence: number) =>
  Array.from({ length: tokens }, (_, i) => (7 * i + 13 * sequence + 1) % dims.vocabSize);

/** Decodes the texts to their end. The first token needs no step: the prefill left what it is drawn from. */
async function decode(
  batch: Batch,
  texts: readonly BatchText[],
  newTokens: number,
  clock: ThroughputClock,
): Promise<BatchWork | null> {
  const endTokens = new Set<number>();
  const onToken = () => {
    clock.token();
  };
  const draw = (maxNewTokens: number) =>
    clock.decode(() =>
      batch.decode(
        texts.map((text) => ({ text, sampling: greedy, maxNewTokens, endTokens, onToken })),
        { stopped: never },
      ),
    );
  const steps = newTokens - 1;
  // Where nothing is counted, a text may be decoded to its end at once.
  if (batch.work === null || steps === 0) {
    await draw(newTokens);
    return null;
  }
  await draw(1);
  const before = batch.work;
  await draw(steps);
  const { products, weightBytes } = batch.work;
  return {
    products: (products - before.products) / steps,
    weightBytes: (weightBytes - before.weightBytes) / steps,
  };
}
