/** Everything that the panel Heal says. */
import { MOST_BYTES, totalBytes, type MemoryNeeded } from '../../../gpu/train/memory-needed.ts';
import type { HealResult, KeptHealing } from '../../../worker/protocol/heal.ts';
import { formatBytes, formatCount, formatDuration, formatTokensPerSec } from '../../ui/format.ts';
import type { Activity, Pace } from './healer.svelte.ts';

export const words = {
  about:
    'Under a plan that its weights were not trained for, a model runs on averaged key and value projections, and its text breaks. LCKV’s authors convert a model in this way and then train it further. So does Heal, on one core of this device, with as many passes as they use. Nothing is uploaded. You can generate meanwhile; both are slower then.',
  trained: 'Train',
  projections: 'Key and value projections',
  all: 'All weights',
  trainedHint:
    'The projections are what the plan averages: few weights, little memory. All weights get closer.',
  steps: 'Steps',
  stepsHint: '1,024 tokens each, in 4 sequences',
  text: 'Text',
  sample:
    'The sample: The Princess and the Goblin (George MacDonald, 1872); held out: Through the Looking-Glass',
  ownText: (name: string) => `${name}; its last tenth is held out, and a link does not carry it`,
  chooseFile: 'Choose a text file',
  useSample: 'Use the sample',
  heal: 'Heal',
  /** Beside Continue. */
  afresh: 'Heal from the first step',
  pause: 'Pause',
  resume: 'Resume',
  stop: 'Stop',
  continue: 'Continue',
  keep: 'Keep the healed model',
  undo: 'Undo healing',
  copyLink: 'Copy link to this healing',
  link: 'Link',
  elsewhere: ({ model, layerTypes }: { readonly model: string; readonly layerTypes: string }) =>
    `This is ${model} under ${layerTypes}, and goes on while the page shows something else.`,
  standing: 'Healing',
  bar: 'Progress of the healing',
  memory: (needed: MemoryNeeded) =>
    `Memory: ${formatBytes(totalBytes(needed))} (weights ${formatBytes(needed.weights)}, gradients ${formatBytes(needed.gradients)}, optimizer ${formatBytes(needed.optimizer)}, activations ${formatBytes(needed.activations)}).`,
  quantized: (bits: number) =>
    `Heal starts from the weights in the model’s files, not from the ${bits}-bit weights that the page computes with, and keeps the healed model in 16 bits.`,
  notResumable:
    'The files of this model are only open: after a reload its healing cannot continue, so keep the healed model before.',
  tooLarge: `More than ${formatBytes(MOST_BYTES)} is too much for a tab: train the projections alone, or choose a smaller model.`,
  later: 'Memory is counted once a model is loaded and the plan is right.',
  sampleOf: (step: number) => (step === 0 ? 'What it writes before' : `What it writes after step ${step}`),
  bitsTitle: 'Held-out bits per byte',
  bitsAxis: 'bits per byte',
  heldOut: 'held-out text',
  member: (id: string) => `${id}, trained for this plan`,
  stepsAxis: 'steps',
  lossTitle: 'Loss of each step',
  lossAxis: 'nats per token',
  loss: 'loss',
  beside: 'Show it beside the family',
  table: 'As a table',
  columns: { step: 'step', bits: 'bits per byte' },
  stored: (name: string) =>
    `${name} is among the stored models, with its history in healing.json, and loaded. Export saves it as a checkpoint.`,
  summary: (before: string, now: string, step: number) =>
    `${before} bits per byte before, ${now} after step ${step}.`,
} as const;

/**
 * Why the chart of a healing that rests ends before its last step; empty if it does not.
 *
 * @param read  the last step after which the held-out text was read
 * @param every so many steps, it is read
 */
export function unreadLine(read: number, step: number, every: number): string {
  if (step <= read) return '';
  const since = read === 0 ? 'so far only before the first one' : `last after step ${read}`;
  return `The held-out text is read every ${formatCount(every, 'step')}, ${since}: what the ${formatCount(step - read, 'step')} since then gained is not known yet. Press Continue to see it.`;
}

/** Where the healing stands, in one line. */
export function standingLine(
  activity: Activity,
  pace: Pace | null,
  result: HealResult | null,
  kept: KeptHealing | null,
): string {
  const far = pace ? `step ${pace.step} of ${pace.steps}` : '';
  switch (activity) {
    case 'opening':
      return 'Reading the model and the text…';
    case 'storing':
      return 'Storing the healed model…';
    case 'paused':
      return `Paused${far && `: ${far}`}.`;
    case 'healing': {
      if (!pace) return 'Reading the held-out text…';
      const speed = `${formatTokensPerSec(pace.tokensPerSecond)} tokens/s`;
      return `Healing: ${far}, ${speed}, ${formatDuration(1000 * pace.secondsLeft)} left.`;
    }
    case 'rest':
      if (result) return resultLine(result, pace);
      if (kept) {
        return `A healing of ${kept.model} under ${kept.layerTypes} can continue after step ${kept.step} of ${kept.steps}.`;
      }
      return 'Nothing is being healed.';
  }
}

function resultLine({ end, step }: HealResult, pace: Pace | null): string {
  switch (end) {
    case 'complete':
      return `Healed: ${step} steps.`;
    case 'stopped':
      return `Stopped after step ${step}${pace ? ` of ${pace.steps}` : ''}.`;
    case 'diverged':
      return `The loss was not finite after step ${pace?.step ?? step}, so the healing ended. The weights are those after step ${step}, the last that read the held-out text well.`;
  }
}
