import type { PolicyFigure, PolicyFigures } from './policies.ts';
import {
  tokensTrained,
  type Check,
  type Evaluation,
  type KernelCard,
  type Score,
  type Training,
} from './evaluation.ts';

/** All that is known of one model. */
export interface Dossier {
  readonly id: string;
  readonly evaluation: Evaluation;
  readonly training: Training;
  /** Null if PyTorch has not checked the model. */
  readonly check: Check | null;
  /** Null if no cache policy was measured. */
  readonly policies: PolicyFigures | null;
  /** Of the kernels of LESS that ship with the model. */
  readonly kernels: readonly KernelCard[];
}

const whole = (value: number) => value.toLocaleString('en-US');
const percent = (fraction: number) => `${Number((fraction * 100).toFixed(1))} %`;
const figures = ({ natsPerToken, bitsPerByte, perplexity }: Score) =>
  `${natsPerToken.toFixed(4)} | ${bitsPerByte.toFixed(4)} | ${perplexity.toFixed(2)}`;

/** How much of plain LLaMA's KV a model keeps. */
const fractionOfPlain = (evaluation: Evaluation) => {
  const { kvBytesPerToken, plainKvBytesPerToken, contextTokens, kvBytesAtContext } = evaluation;
  return {
    perToken: percent(kvBytesPerToken / plainKvBytesPerToken),
    atContext: percent(kvBytesAtContext / (plainKvBytesPerToken * contextTokens)),
  };
};

/** What opens a model. Only a plain LLaMA is known to everything. */
const opening = (layerTypes: string) =>
  layerTypes.split('_').every((entry, layer) => entry === `${layer}`)
    ? 'A plain LLaMA: `AutoModelForCausalLM.from_pretrained` of transformers opens this folder as it is, and so does kvtab.'
    : 'kvtab opens this folder. In Python, the code of [LCKV](https://github.com/whyNLP/LCKV) does: import its `models` and then call\n`AutoModelForCausalLM.from_pretrained` (`model_type` is `lckv-llama`).';

/** Model text as an indented block, which nothing in the text can end. */
const quoted = (text: string) =>
  text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');

/** A model's card: README.md beside its weights, as the Hub shows it. */
export function modelCard({ id, evaluation, training, check, policies, kernels }: Dossier): string {
  const { parallel, sequential, windows, windowTokens } = evaluation;
  const { kvBytesPerToken, contextTokens, kvBytesAtContext } = evaluation;
  const ofPlain = fractionOfPlain(evaluation);
  const runs = training.runs
    .map(({ command, tokens, seed }) => `| \`${command}\` | ${whole(tokens)} | ${seed} |`)
    .join('\n');
  const samples = evaluation.samples
    .map(
      ({ prompt, text, repeated, of }) =>
        `**${prompt}**\n\n${quoted(text)}\n\nGreedy, 200 tokens: ${repeated} of ${of} phrases of four tokens had occurred before.`,
    )
    .join('\n\n');
  return `---
license: cc0-1.0
language: en
---

# ${id}

${training.title}: \`layer_types\` \`${evaluation.layerTypes}\`. One of a family trained on the same public-domain children's books, with
the same tokenizer and the same number of tokens, each for its own way of sharing keys and values: [the family](../README.md).
The weights are under CC0. The texts are not shipped.

| | |
| --- | --- |
| parameters | ${whole(training.parameters)}, float16 |
| tokens trained | ${whole(tokensTrained(training))} |
| context | ${whole(contextTokens)} tokens |
| KV bytes per token, f16 | ${whole(kvBytesPerToken)} (${ofPlain.perToken} of plain LLaMA) |
| KV bytes of a whole context | ${whole(kvBytesAtContext)} (${ofPlain.atContext} of plain LLaMA) |

## Opening it

${opening(evaluation.layerTypes)}

## Held-out text

Windows of ${windowTokens} tokens after the begin token, spread evenly over three books that no model was trained on. By kvtab's
own decoder: \`npm run evaluate -- --corpus CORPUS --windows ${windows} ${id}\` (${evaluation.backend}, KV in f16).${check ? byPyTorch(id) : ''}

| by | windows | mode | nats per token | bits per byte | perplexity |
| --- | --- | --- | --- | --- | --- |
| kvtab | ${windows} | sequential | ${figures(sequential)} |
| kvtab | ${windows} | parallel | ${figures(parallel)} |
${check ? checked(check) : ''}${policies ? underPolicies(id, policies, evaluation.layerTypes) : ''}${kernels.length > 0 ? kernelTable(kernels) : ''}
## Training

| run | tokens | seed |
| --- | --- | --- |
${runs}

The last run converts the plain LLaMA that every member of the family starts from to this layout (an owner gets the mean
of its readers' key and value weights) and trains it further; plain LLaMA is trained further too. The earlier runs made
that plain LLaMA.

## Samples

With the sampling that the page opens with, seed 1.

${samples}
`;
}

const byPyTorch = (id: string) => `
By PyTorch, from the same file in float32: \`python tools/train/check.py ${id}\`, which fails if the two differ by more
than 0.1 % on the same windows.`;

const checked = ({ windows, sequential, parallel, earlyNats, lateNats, contextTokens }: Check) =>
  `| PyTorch | ${windows} | sequential | ${figures(sequential)} |
| PyTorch | ${windows} | parallel | ${figures(parallel)} |

By position in a context of ${contextTokens} (PyTorch): ${earlyNats.toFixed(4)} nats per token at 64 to 256; the same tokens in the last quarter ${lateNats.toFixed(4)}.
`;

/** What cache policies cost, each alone and with LESS. */
function underPolicies(id: string, figures: PolicyFigures, layerTypes: string): string {
  const { backend, windows, windowTokens, promptTokens, fullBitsPerByte, results } = figures;
  const cell = ({ more, standardError }: PolicyFigure) => `${more.toFixed(4)} ± ${standardError.toFixed(4)}`;
  const rows = results
    .filter(({ kernels }) => kernels === null)
    .map((alone) => {
      const less = results.find(
        ({ policy, rows, kernels }) => policy === alone.policy && rows === alone.rows && kernels !== null,
      );
      const closed = less ? percent(1 - less.more / alone.more) : '';
      const withLess = less ? [cell(less), closed, `\`${less.kernels ?? ''}\``] : ['', '', ''];
      return `| ${[alone.rows, alone.policy, cell(alone), ...withLess].join(' | ')} |`;
    })
    .join('\n');
  return `
## Under cache policies

Bits per byte above a cache that keeps everything (${fullBitsPerByte.toFixed(4)}), with the standard error over the same ${windows}
windows of ${windowTokens} tokens: a prompt of ${promptTokens}, the rest fed under the policy. \`npm run evaluate -- --corpus CORPUS
--policies --backend ${backend} --windows ${windows} ${id}\`. The state of LESS weighs about as much as 8 rows in f16.

| rows kept | policy | alone | with LESS | gap closed | kernels |
| --- | --- | --- | --- | --- | --- |
${rows}
${windowsWithoutState(layerTypes)}`;
}

/** Why LESS gives back less where readers have windows. */
function windowsWithoutState(layerTypes: string): string {
  const layers = layerTypes.split('_');
  const windowed = layers.filter((entry) => entry.endsWith('s')).length;
  if (windowed === 0) return '';
  return `
${windowed} of ${layers.length} layers read through a window and use no state, because a state has no positions. A budget below the window
cuts their stores as well, and LESS cannot give back what they lose. At a budget of the window or more, the policy acts
only on the other stores.
`;
}

/** What the kernels that ship were trained for, and how. */
function kernelTable(kernels: readonly KernelCard[]): string {
  const rows = kernels
    .map(({ file, policy, seed, command }) => {
      const { id, ...numbers } = policy;
      const budget = Object.entries(numbers).map(([name, value]) => `${name} ${value}`);
      return `| \`${file}\` | ${id}, ${budget.join(', ')} | ${seed} | \`${command}\` |`;
    })
    .join('\n');
  return `
The kernels were trained with this model, whose weights stayed as they are:

| kernels | trained for | seed | command |
| --- | --- | --- | --- |
${rows}
`;
}

/** The table of the whole family: README.md of the folder of models. */
export function familyTable(family: readonly Dossier[]): string {
  const titles = [
    ...['model', 'layout', '`layer_types`', 'KV bytes per token', 'of plain'],
    ...['KV bytes of a whole context', 'of plain', 'parameters', 'tokens trained'],
    ...['bits per byte by kvtab: sequential', 'parallel', 'windows'],
    ...['by PyTorch: sequential', 'parallel', 'windows', 'repeated greedy phrases'],
  ];
  const rows = family.map(({ id, evaluation, training, check }) => {
    const { kvBytesPerToken, kvBytesAtContext, samples } = evaluation;
    const ofPlain = fractionOfPlain(evaluation);
    const repeated = samples.reduce((sum, sample) => sum + sample.repeated, 0);
    const of = samples.reduce((sum, sample) => sum + sample.of, 0);
    return [
      `[${id}](${id}/README.md)`,
      training.title,
      `\`${evaluation.layerTypes}\``,
      whole(kvBytesPerToken),
      ofPlain.perToken,
      whole(kvBytesAtContext),
      ofPlain.atContext,
      whole(training.parameters),
      whole(tokensTrained(training)),
      ...bits(evaluation),
      ...(check ? bits(check) : ['', '', '']),
      percent(repeated / of),
    ];
  });
  const table = [titles, titles.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return `# The models that ship

One family: the same books, tokenizer, shape and number of tokens; each model was trained for its own \`layer_types\`.
Written by \`npm run evaluate\`. Each model's card says how, and has samples. The weights are under CC0.

${table.join('\n')}
`;
}

const bits = ({ sequential, parallel, windows }: Pick<Check, 'sequential' | 'parallel' | 'windows'>) => [
  sequential.bitsPerByte.toFixed(4),
  parallel.bitsPerByte.toFixed(4),
  String(windows),
];
