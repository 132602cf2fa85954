import { valueOf } from '../outcome.ts';
import type { EngineEvent } from '../protocol/engine.ts';
import type { MeasuredSpeed, MeasureWork, SpeedWork } from '../protocol/measure.ts';
import type { Experiment, Row } from './experiment.ts';
import { missingItems, planExperiment } from './plan-experiment.ts';
import {
  groupByLoad,
  loadRow,
  type ExperimentParts,
  type ExperimentRun,
  type LabEngine,
} from './run-experiment.ts';
import { TokenCounts } from './token-counts.ts';

/** What an experiment will cost. */
export interface Cost {
  /** Items over all rows, and those that are not known yet. */
  readonly items: number;
  readonly missing: number;
  /** Tokens of the missing ones. */
  readonly tokens: number;
  readonly ms: number;
  /** The most memory of a row: weights, and the KV of what is read or written at once. */
  readonly bytes: number;
}

const PROBE_PROMPT = 64;
const PROBE_GENERATED = 8;
const PROBE: SpeedWork = {
  kind: 'speed',
  items: [{ prompt: PROBE_PROMPT, generate: PROBE_GENERATED, batch: 1, round: 0 }],
  budgetBytes: 1,
};

/**
 * Estimates the cost of what is missing before the start: counts tokens, and times a short run of every row. Rows that
 * share a model follow each other, and a model is loaded only if something of its rows is missing.
 */
export async function estimateCost(
  experiment: Experiment,
  parts: ExperimentParts,
  known: ExperimentRun['known'],
): Promise<Cost> {
  const cost = { items: 0, missing: 0, tokens: 0, ms: 0, bytes: 0 };
  const counts = new TokenCounts(parts.engine);
  const speeds = new Map<Row, Probed>();
  for (const group of groupByLoad(await planExperiment(experiment, parts))) {
    for (const cell of group) {
      const { row } = cell;
      const missing = missingItems(cell, known);
      cost.items += cell.keys.length;
      cost.missing += missing.length;
      if (missing.length === 0) continue;
      const { dims } = await loadRow(row, parts);
      const speed = speeds.get(row) ?? (await probe(parts.engine, row));
      speeds.set(row, speed);
      const work = cell.workFor(dims.contextTokens);
      const ofItems = await counts.of(cell, work);
      for (const item of missing) {
        const tokens = ofItems[item] ?? 0;
        cost.tokens += tokens;
        cost.ms += msOf(work, item, tokens, speed, row);
        const bytes = speed.fixedBytes + speed.bytesPerToken * tokensAtOnce(work, tokens);
        cost.bytes = Math.max(cost.bytes, bytes);
      }
    }
  }
  return cost;
}

function msOf(work: MeasureWork, item: number, tokens: number, { prefillMs, decodeMs }: Probed, row: Row) {
  if (work.kind === 'speed') {
    const { prompt = 0, generate = 0 } = work.items[item] ?? {};
    const sequences = tokens / (prompt + generate);
    // Each shape is run once before it is timed. Several sequences at once take less.
    return 2 * sequences * (prompt * prefillMs + generate * decodeMs);
  }
  // Under a policy, and while generating, tokens are fed one by one.
  return tokens * (row.policy.id !== 'none' || work.kind === 'generate' ? decodeMs : prefillMs);
}

/** The most tokens of an item whose KV is held at once. */
function tokensAtOnce(work: MeasureWork, tokens: number): number {
  switch (work.kind) {
    case 'speed':
    case 'tokens':
      return tokens;
    case 'recall':
      // Told and untold follow each other.
      return Math.ceil(tokens / 2);
    case 'likelihood':
    case 'rolling':
    case 'generate':
    case 'hidden':
      return Math.min(tokens, work.maxLength);
    default:
      return work satisfies never;
  }
}

/** What a token of a row costs, and its memory. */
interface Probed {
  readonly prefillMs: number;
  readonly decodeMs: number;
  /** Weights and scratch. */
  readonly fixedBytes: number;
  readonly bytesPerToken: number;
}

async function probe(engine: LabEngine, { config, mode, kvPrecision, policy }: Row): Promise<Probed> {
  const found: MeasuredSpeed[] = [];
  const onEvent = (event: EngineEvent) => {
    if (event.type === 'measured' && event.measured.kind === 'speed') found.push(event.measured);
  };
  // The first one compiles kernels.
  for (let times = 0; times < 2; times++) {
    valueOf(await engine.measure({ config, mode, kvPrecision, policy, work: PROBE }, onEvent));
  }
  const { prefillMs, decodeMs, weightBytes, scratchBytes, kvBytesAllocated } = found.at(-1) ?? noSpeed;
  return {
    prefillMs: prefillMs / PROBE_PROMPT,
    // Between them there is one gap fewer than there are tokens.
    decodeMs: decodeMs / (PROBE_GENERATED - 1),
    fixedBytes: weightBytes + scratchBytes,
    bytesPerToken: kvBytesAllocated / (PROBE_PROMPT + PROBE_GENERATED),
  };
}

const noSpeed = { prefillMs: 0, decodeMs: 0, weightBytes: 0, scratchBytes: 0, kvBytesAllocated: 0 };
