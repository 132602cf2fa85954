import { valueOf } from '../outcome.ts';
import type { EngineEvent } from '../protocol/engine.ts';
import type { MeasuredSpeed, SpeedWork } from '../protocol/measure.ts';
import type { Experiment, Row } from './experiment.ts';
import { missingItems, planExperiment } from './plan-experiment.ts';
import type { ItemRecord } from './records.ts';
import { groupByLoad, loadRow, type ExperimentParts, type LabEngine } from './run-experiment.ts';
import { TokenCounts } from './token-counts.ts';

/** What an experiment will cost. */
export interface Cost {
  /** Items over all rows, and those that are not known yet. */
  readonly items: number;
  readonly missing: number;
  /** Tokens of the missing ones. */
  readonly tokens: number;
  readonly ms: number;
  /** The most memory of a row: weights and the KV of one sequence. */
  readonly bytes: number;
}

const PROBE: SpeedWork = {
  kind: 'speed',
  items: [{ prompt: 64, generate: 8, round: 0 }],
  budgetBytes: 1,
};

/**
 * Estimates the cost of what is missing before the start: counts tokens, and times a short run of every row. Rows that
 * share a model follow each other, and a model is loaded only if something of its rows is missing.
 */
export async function estimateCost(
  experiment: Experiment,
  parts: ExperimentParts,
  known: ReadonlyMap<string, ItemRecord>,
): Promise<Cost> {
  const cost = { items: 0, missing: 0, tokens: 0, ms: 0, bytes: 0 };
  const counts = new TokenCounts(parts.engine);
  const speeds = new Map<Row, Awaited<ReturnType<typeof probe>>>();
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
      cost.bytes = Math.max(cost.bytes, speed.bytes);
      const work = cell.workFor(dims.contextTokens);
      const ofItems = await counts.of(cell, work);
      const tokens = missing.reduce((sum, i) => sum + (ofItems[i] ?? 0), 0);
      cost.tokens += tokens;
      // Under a policy, and while generating, tokens are fed one by one.
      const fed = row.policy.id !== 'none' || work.kind === 'generate';
      cost.ms += tokens * (fed ? speed.decodeMs : speed.prefillMs);
    }
  }
  return cost;
}

/** What a token of a row costs, and its memory. */
async function probe(engine: LabEngine, { config, mode, kvPrecision, policy }: Row) {
  const found: MeasuredSpeed[] = [];
  const onEvent = (event: EngineEvent) => {
    if (event.type === 'measured' && event.measured.kind === 'speed') found.push(event.measured);
  };
  // The first one compiles kernels.
  for (let times = 0; times < 2; times++) {
    valueOf(await engine.measure({ config, mode, kvPrecision, policy, work: PROBE }, onEvent));
  }
  const { prefillMs, decodeMs, weightBytes, kvBytesAllocated } = found.at(-1) ?? noSpeed;
  const [shape] = PROBE.items;
  return {
    prefillMs: prefillMs / (shape?.prompt ?? 1),
    // Between them there is one gap fewer than there are tokens.
    decodeMs: decodeMs / ((shape?.generate ?? 2) - 1),
    bytes: weightBytes + kvBytesAllocated,
  };
}

const noSpeed = { prefillMs: 0, decodeMs: 0, weightBytes: 0, kvBytesAllocated: 0 };
