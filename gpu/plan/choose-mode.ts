import { readsAbove, type LayerType } from './layer-types.ts';
import type { Mode, ModeChoice, Passes } from './forward-plan.ts';
import { prefillSchedule, type LayerWork } from './prefill-schedule.ts';

export interface ModeFacts {
  readonly layers: readonly LayerType[];
  readonly promptTokens: number;
  readonly passes: Passes;
  /** Whether config.json asks for sequential mode (`use_sequential`). */
  readonly useSequential: boolean;
  /** What computes. A processor is software. */
  readonly adapter: { readonly backend: 'webgpu' | 'cpu'; readonly software: boolean };
}

/** Why the fastest mode is the one that it is. */
export type FastestReason = 'nothing-iterated' | 'config' | 'passes-are-faster' | 'steps-are-faster';

/** The mode in which a prompt is read. */
export function chooseMode(choice: ModeChoice, facts: ModeFacts): Mode {
  if (choice === 'auto') return publishedMode(facts);
  return choice === 'fastest' ? fastestMode(facts).mode : choice;
}

/** LCKV's published rule: iterate only if the prompt has more tokens than there are passes. It knows no backend. */
function publishedMode({ layers, promptTokens, passes, useSequential }: ModeFacts): Mode {
  if (useSequential) return 'sequential';
  const short = promptTokens <= passes.forward + passes.backward;
  return layers.some(readsAbove) && short ? 'sequential' : 'parallel';
}

/**
 * The mode that is expected to read a prompt sooner. Parallel mode runs some layers many times but reads weights once for
 * many rows; what that gains depends on the backend. If nothing is iterated, both modes compute the same, and parallel
 * mode is never slower. Otherwise sequential mode is exact, and parallel mode as good as its passes.
 */
export function fastestMode(facts: ModeFacts): { readonly mode: Mode; readonly because: FastestReason } {
  const { layers, promptTokens, passes, useSequential, adapter } = facts;
  if (useSequential) return { mode: 'sequential', because: 'config' };
  if (!layers.some(readsAbove)) return { mode: 'parallel', because: 'nothing-iterated' };
  const work = layersPerRow(layers, passes);
  return work <= layers.length * rowsForOne(adapter, promptTokens)
    ? { mode: 'parallel', because: 'passes-are-faster' }
    : { mode: 'sequential', because: 'steps-are-faster' };
}

/** How much of a layer's work each kind is: keys and values are an eighth of it, more or less. */
const LAYERS: Readonly<Record<LayerWork, number>> = { all: 1, kv: 1 / 8, last: 0 };

/** What parallel mode computes for each row of a prompt, in layers. */
function layersPerRow(layers: readonly LayerType[], passes: Passes): number {
  const sharing = { layers, windowTokens: Infinity, forceNodiag: false };
  return prefillSchedule(sharing, passes, { firstTurn: true, everyRow: false })
    .flatMap(({ steps }) => steps)
    .reduce((sum, { work }) => sum + LAYERS[work], 0);
}

/**
 * How many rows of a prompt take the time of one row alone. A GPU waits for weights, which a tile of 32 rows reads once.
 * A processor computes all the time: docs/measuring.md, "Which mode is faster".
 */
function rowsForOne({ backend, software }: ModeFacts['adapter'], rows: number): number {
  if (!software) return Math.min(rows, 32);
  return rows < 4 ? 1 : backend === 'cpu' ? 2 : 3;
}
