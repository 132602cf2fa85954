import { formatCount } from '../../ui/format.ts';
import type { FirstDifference } from '../../ui/first-difference.ts';

/** The words of the comparison. */
export const words = {
  about: (most: number) =>
    `Two to ${most} configurations continue the prompt with the current seed and sampling, one after the other. Every other configuration then reads the text of the first one, token by token, to show where it would have continued differently. After this warm-up they are timed in rounds, in alternating order; ≈ marks a difference within the noise.`,
  add: 'Add current settings',
  compare: 'Compare',
  waiting: 'Waiting for the model…',
  rounds: 'Rounds',
  roundsOf: (rounds: number) => (rounds === 1 ? '1 (noise unknown)' : String(rounds)),
  howTo: 'Check what to compare. Or set up a configuration and add it.',
  prompt: 'Prompt:',
  plans: 'Plans',
  policies: 'Other cache policies for the plan that is set',
  most: (most: number) => `At most ${most} at once; the others are compared with the first one.`,
  family: 'Run the whole family',
  familyReplaced: 'The family replaced the configurations that stood here.',
  stop: 'Stop comparing',
  stopped: 'Stopped. What was measured until then stays.',
  ownPlan: 'Own plan',
  bitsAxis: 'Bits per byte on held-out tales, without a policy',
  notMeasured: 'not measured',
  copyLink: 'Copy link to this comparison',
  link: 'Link',
  exportCsv: 'Export comparison as CSV',
  configuration: (number: number) => `Configuration ${number}`,
  remove: (number: number) => `Remove configuration ${number}`,
  removed: (number: number) => `Configuration ${number} was removed.`,
  undoRemoving: 'Undo removing',
  undoReplacing: 'Bring them back',
  replaced: 'The link replaced the configurations that stood here.',
  ofConfiguration: (number: number, complaint: string) => `configuration ${number}: ${complaint}`,
  modelMissing: (number: number, model: string) =>
    `configuration ${number} asks for the model ${model}, which is not here: load it and open the link again`,
  ignored: (complaints: string) => `Parts of this link were ignored: ${complaints}.`,
  comparing: 'Comparing',
  comparingOf: (number: number, count: number) => `Comparing: ${number} of ${count}`,
  round: (number: number, count: number) => `Comparing: timing, round ${number} of ${count}`,
  resultOf: 'Result for the prompt',
  when: (common: string, time: string) => `${common}; ${time}`,
  otherPrompt: 'The prompt has changed since. Press Compare to run the new one.',
  notRun: 'Not compared yet: press Compare.',
  kv: (fraction: string) => `KV: ${fraction} of plain LLaMA`,
  kvPerToken: 'KV per token',
  kvInUse: 'KV in use',
  prefillTime: 'Prefill time',
  milliseconds: (milliseconds: string, mode: string) => `${milliseconds} ms, ${mode}`,
  justMilliseconds: (milliseconds: string) => `${milliseconds} ms`,
  decodeSpeed: 'Decode speed',
  speed: (tokensPerSec: string) => `${tokensPerSec} tokens/s`,
  range: (range: string, rounds: number) => `${range}, ${rounds} ${rounds === 1 ? 'round' : 'rounds'}`,
  /** A time or a speed beside that of the first one. */
  same: '≈ the first',
  times: (factor: string) => `${factor} × the first`,
  distance: (number: number) => `Distance of configuration ${number} from the first`,
  agreement: 'Top-1 agreement',
  meanKl: 'KL, mean',
  nats: (nats: string) => `${nats} nats`,
  figure: 'Configurations compared',
  bar: (number: number, name: string) => `${number}: ${name}`,
  barsLabel: (rows: string) => `Configurations compared: ${rows}. Each column below has its numbers.`,
  decodeAxis: 'Decode speed, tokens per second',
  prefillAxis: 'Prefill time, milliseconds',
  klAxis: 'Mean KL from the first one, nats per position',
  isFirst: 'the first',
  captionPrompt: (prompt: string) => `Prompt: ${prompt.length > 200 ? `${prompt.slice(0, 200)}…` : prompt}`,
  captionContender: (
    number: number,
    model: string,
    layerTypes: string,
    settings: string,
    adapter: string | null,
  ) => `${number}: ${model}; plan ${layerTypes}; ${settings}${adapter === null ? '' : `; ${adapter}`}`,
  rangesMean:
    'Speeds are medians; lines reach from the least to the most; ≈ marks a difference within the noise.',
  memory: 'Memory',
  byLedger: 'weights and caches, by kvtab’s ledger',
  engines: 'Another engine',
  peer: {
    choice: (plan: string) => `${plan} in transformers.js`,
    named: (name: string) => `${name}, transformers.js`,
    about: (version: string, bytes: string) =>
      `transformers.js ${version} computes with ONNX Runtime in a worker of its own, from a graph that is built here from the same weights. It comes from this page, ${bytes} at its first use, and then works offline. It reads the same tokens and writes greedily; kvtab does so once too, to compare the tokens.`,
    impossible: (why: string) => `The plan that is set cannot run there. ${why}`,
    readsAbove: (layer: number, above: number) =>
      `Impossible in transformers.js: layer ${layer} reads the keys and values of layer ${above} above it, which are not there yet when a prompt is read all at once, as transformers.js does.`,
    shares: (layer: number, owner: number) =>
      `Impossible in transformers.js: layer ${layer} reads the keys and values of layer ${owner}, and in the models that it runs every layer has a cache of its own.`,
    noDiagonal:
      'Impossible in transformers.js: its attention always sees the current token. Switch off “No diagonal”.',
    policy:
      'Impossible in transformers.js: its cache keeps everything. Choose the policy that keeps everything.',
    same: (tokens: number, prompt: number) =>
      `Its ${tokens} greedy tokens after the same ${prompt} tokens are those of kvtab.`,
    differs: (number: number, tokens: number, kvtab: string, there: string) =>
      `Token ${number} of ${tokens} is the first that differs: ${there} here, ${kvtab} in kvtab.`,
    token: (id: number, text: string) => (text === '' ? String(id) : `${id} “${text}”`),
    noToken: 'none',
    runsAs: 'Runs as',
    seen: 'as seen from outside: it reports nothing',
    measured: 'How this is measured',
  },
  /** The name of a run of a comparison among the kept runs. */
  keptAs: (number: number, count: number, ended: Date) =>
    `Compared ${ended.toLocaleTimeString('en', { timeStyle: 'short' })}: ${number} of ${count}`,
  keptInRuns: 'The runs of a comparison are kept in Runs, below Write, with the medians of their rounds.',
  sameText: 'The same text as the first one.',
  startsAlike: ({ commonWords, own, other }: FirstDifference) =>
    `${commonWords === 0 ? 'Differs from the first one at once' : `The same as the first one for ${formatCount(commonWords, 'word')}`}: then ${own === '' ? 'it ends' : `“${own}”`}, where the first one ${other === '' ? 'ends' : `has “${other}”`}.`,
  firstDifference: 'first difference',
  first: 'The others are compared with this one.',
  common: (percent: string) => `${percent} of this text is in the first one too. The rest is marked.`,
  commonWithRemoved: (percent: string, layerTypes: string) =>
    `${percent} of this text is in that of ${layerTypes} too, which was the first one. The rest is marked.`,
} as const;
