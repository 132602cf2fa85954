import { parseArgs } from 'node:util';
import type { Mode } from '../../gpu/plan/forward-plan.ts';
import type { PolicyRequest } from '../../worker/protocol/generate.ts';
import { wholeNumber } from '../setup/whole-number.mjs';
import { parseSetting } from '../../worker/settings/parse.ts';
import type { Setting, SettingValue } from '../../worker/settings/setting.ts';
import {
  settings,
  type KeysOfPart,
  type Settings,
  type SettingValues,
} from '../../worker/settings/settings.ts';
import { policyRequestOf, type PolicyValues } from '../../worker/settings/policy-request.ts';
import { keysWhere, type Filled } from '../../worker/settings/values.ts';
import { whyNotComputed } from '../../worker/why-not-computed.ts';

const parts = ['load', 'sharing', 'run', 'policy'] as const;
type Part = (typeof parts)[number];

/** What to measure; every field has a default on the command line. */
export interface BenchRequest extends Filled<Pick<SettingValues, KeysOfPart<'load'>>> {
  /** A shipped model's id; not used with a shape. */
  readonly model: string;
  /** See `parseShape`. Its random weights are made in f16, or in f32 if `weights` is f32. */
  readonly shape: string | null;
  readonly kvPrecision: SettingValues['kvPrecision'];
  readonly freeze: SettingValues['freeze'];
  readonly policy: PolicyRequest;
  /** Differences from the model's own sharing. */
  readonly config: Partial<Filled<Pick<SettingValues, KeysOfPart<'sharing'>>>>;
  readonly mode: Mode;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly repeats: number;
  /** Threads of the CPU backend; several numbers are measured by turns. */
  readonly threads: readonly number[];
  /** Measures several sequences at once; null to measure one. */
  readonly batch: BatchAsked | null;
}

/** What to measure of several sequences at once. */
export interface BatchAsked {
  /** Numbers of sequences, ascending. */
  readonly sizes: readonly number[];
  /** Layer types of the plans to compare; empty for the one that the request has. */
  readonly plans: readonly string[];
  /** Memory for weights, caches and scratch; null not to ask for the largest batch. */
  readonly budgetBytes: number | null;
}

/** What to count instead of measuring. */
export interface CountAsked {
  /** Tokens of the text, the one decoded included; null for the usual number. */
  readonly contextTokens: number | null;
  /** Tokens of a prompt whose reading is counted too; null for none. */
  readonly prefillTokens: number | null;
  /** For which adapters kernels are shaped. */
  readonly tuning: 'hardware' | 'software';
  /** Sequences of a step. */
  readonly batch: number;
}

export interface BenchArguments {
  readonly place: 'node' | 'chromium';
  readonly request: BenchRequest;
  /** Null to measure. */
  readonly count: CountAsked | null;
  /** Whether to measure and count how tokens and prompts grow with the text, instead of one of them. */
  readonly growth: boolean;
}

/** The settings that a benchmark takes, under the keys that they have in links. `--new` is its own maxNewTokens. */
const benchKeys = (table: Settings) =>
  keysWhere(({ part }) => parts.some((each) => each === part), table).filter(
    (key): key is KeysOfPart<Part> => key !== 'maxNewTokens',
  );

/** The options of the command line, for `parseArgs`. */
export const optionsOf = (table: Settings = settings) => ({
  ...Object.fromEntries(
    benchKeys(table).map((key) => [
      table[key].link,
      { type: table[key].kind === 'flag' ? ('boolean' as const) : ('string' as const) },
    ]),
  ),
  in: { type: 'string', default: 'node' } as const,
  model: { type: 'string', default: settings.model.initial } as const,
  shape: { type: 'string' } as const,
  prompt: { type: 'string', default: '11' } as const,
  new: { type: 'string', default: '128' } as const,
  repeats: { type: 'string', default: '3' } as const,
  threads: { type: 'string', default: '1' } as const,
  batch: { type: 'string' } as const,
  plans: { type: 'string' } as const,
  budget: { type: 'string' } as const,
  count: { type: 'boolean', default: false } as const,
  growth: { type: 'boolean', default: false } as const,
  context: { type: 'string' } as const,
  prefill: { type: 'string' } as const,
  tuning: { type: 'string' } as const,
});

/** The shape, the plans and the lengths of growth are its own. */
const withGrowth = new Set(['growth', 'backend', 'repeats', 'weights', 'kv', 'in']);

/** Options without meaning if nothing runs; those of policies have none either. */
const onlyMeasured = ['in', 'prompt', 'new', 'repeats', 'threads', 'plans', 'budget', 'backend', 'mode'];

/** What a benchmark takes if an option is absent; undefined leaves it to the checkpoint. */
function fallbackOf(key: KeysOfPart<Part>, row: Setting): SettingValue | undefined {
  if (key === 'mode') return 'parallel';
  if (row.part === 'policy') return row.initial;
  const absent = row.headless?.absent;
  return typeof absent === 'object' ? absent.is : undefined;
}

export const usageOf = (table: Settings = settings) => {
  const lines = benchKeys(table).map((key) => {
    const row: Setting = table[key];
    const values =
      row.kind === 'choice' ? ` ${choicesOf(key, row).join('|')}` : row.kind === 'flag' ? '' : ' X';
    const fallback = fallbackOf(key, row);
    const shown =
      fallback === undefined || fallback === null || fallback === false ? '' : ` (${String(fallback)})`;
    return `  ${`--${row.link}${values}`.padEnd(34)} ${row.meaning.toLowerCase()}${shown}`;
  });
  return `npm run --silent bench -- [options]
  --in node|chromium                 where to run (node)
  --model ID                         a shipped model (${settings.model.initial})
  --shape S                          random weights instead: 135m, 1.1b, or layers,hidden,intermediate,heads,kvHeads,headDim,vocab
${lines.join('\n')}
  --prompt N                         prompt tokens (11)
  --new N                            new tokens (128)
  --repeats N                        (3)
  --threads N,N,…                    with --backend cpu: its threads (1); several numbers are compared by turns
  --batch N,N,…                      several sequences at once: each number in its turn
  --plans P,P,…                      with --batch: layer types to compare
  --budget BYTES                     with --batch: the largest batch that fits, weights included
  --growth                           with --backend cpu: how a token and a prompt grow with the text, for three plans
  --count                            counts what one decoded token costs a GPU, and runs nothing; the embeddings and
                                     the head are quantized too, unless --no-embeddings
  --context N                        with --count: tokens of the text (1024, or half of the model's context)
  --prefill N                        with --count: counts what reading a prompt of N tokens costs, too
  --tuning hardware|software         with --count: the kernels for which adapters (hardware)`;
};

/** A benchmark says which mode it measures, so that it cannot take one that chooses. */
const choicesOf = (key: string, row: Setting) =>
  row.kind === 'choice'
    ? Object.keys(row.options).filter(
        (option) => key !== 'mode' || (option !== 'auto' && option !== 'fastest'),
      )
    : [];

/** More threads than any processor that this is for has cores. */
const MOST_THREADS = 64;

/**
 * Reads a command line.
 *
 * @throws Error in words for the person who wrote it
 */
export function readArguments(args: readonly string[], table: Settings = settings): BenchArguments {
  const options = optionsOf(table);
  const { values, tokens } = parseArgs({ args: [...args], options, tokens: true, allowNegative: true });
  const given = values as Readonly<Record<string, string | boolean | undefined>>; // as `optionsOf` has them
  const settingOf = (key: KeysOfPart<Part>) => {
    const row: Setting = table[key];
    const text = given[row.link];
    if (text === undefined) return fallbackOf(key, row);
    const value = parseSetting(row, String(text));
    const choices = choicesOf(key, row);
    if (value === undefined || (choices.length > 0 && !choices.includes(String(value)))) {
      const allowed = choices.length > 0 ? ` is ${choices.join(' or ')}, not` : ' cannot be';
      throw new Error(`--${row.link}${allowed} "${String(text)}"`);
    }
    return value;
  };
  const read = (part: Part): object =>
    Object.fromEntries(
      benchKeys(table)
        .filter((key) => table[key].part === part)
        .flatMap((key) => {
          const value = settingOf(key);
          return value === undefined ? [] : [[key, value]];
        }),
    );
  const place = values.in;
  if (place !== 'node' && place !== 'chromium') throw new Error(`--in is node or chromium, not "${place}"`);
  const asked = readCount(values, tokens, table);
  const request = {
    ...read('load'),
    ...(asked && given[table.quantizeEmbeddings.link] === undefined && { quantizeEmbeddings: true }),
    ...read('run'),
    policy: policyRequestOf(read('policy') as PolicyValues), // every row of the part was read
    config: read('sharing'),
    model: values.model,
    shape: values.shape ?? null,
    promptTokens: wholeNumber('prompt', values.prompt),
    newTokens: wholeNumber('new', values.new),
    repeats: wholeNumber('repeats', values.repeats),
    threads: values.threads
      .split(',')
      .map((threads) => wholeNumber('threads', threads, { max: MOST_THREADS })),
    batch: asked ? null : readBatch(values),
  } as unknown as BenchRequest; // every row of its parts was read
  // Random weights go to the backend as they are, so that no loader refuses it.
  if (whyNotComputed(request.weights, request.backend) !== null) {
    throw new Error(`--weights ${request.weights} goes with --backend cpu`);
  }
  if (request.threads.some((threads) => threads > 1)) {
    if (request.backend !== 'cpu') throw new Error('--threads goes with --backend cpu');
    if (place === 'chromium')
      throw new Error('--threads goes with --in node: a page takes as many as it has cores');
    if (request.batch && request.threads.length > 1) throw new Error('--batch takes one number of --threads');
  }
  if (values.growth) {
    if (request.backend !== 'cpu' || place === 'chromium') {
      throw new Error('--growth goes with --backend cpu and --in node');
    }
    const names = tokens.flatMap((token) => (token.kind === 'option' ? [token.name] : []));
    const other = names.find((name) => !withGrowth.has(name));
    if (other !== undefined) throw new Error(`--${other} does not go with --growth`);
  }
  return { place, request, count: asked, growth: values.growth };
}

function readCount(
  {
    count: counts,
    context,
    prefill,
    tuning = 'hardware',
    batch = '1',
  }: {
    readonly count: boolean;
    readonly context?: string;
    readonly prefill?: string;
    readonly tuning?: string;
    readonly batch?: string;
  },
  tokens: readonly { readonly kind: string; readonly name?: string }[],
  table: Settings,
): CountAsked | null {
  const given = new Set(tokens.flatMap(({ kind, name }) => (kind === 'option' && name ? [name] : [])));
  if (!counts) {
    const alone = ['context', 'prefill', 'tuning'].find((name) => given.has(name));
    if (alone !== undefined) throw new Error(`--${alone} goes with --count`);
    return null;
  }
  const policies = benchKeys(table).filter((key) => table[key].part === 'policy');
  const policy = policies.map((key) => table[key].link).find((link) => given.has(link));
  if (policy !== undefined) {
    throw new Error(`--count counts a cache that keeps everything: leave out --${policy}`);
  }
  const other = onlyMeasured.find((name) => given.has(name));
  if (other !== undefined) throw new Error(`--count runs nothing: leave out --${other}`);
  if (tuning !== 'hardware' && tuning !== 'software') {
    throw new Error(`--tuning is hardware or software, not "${tuning}"`);
  }
  return {
    contextTokens: context === undefined ? null : wholeNumber('context', context),
    prefillTokens: prefill === undefined ? null : wholeNumber('prefill', prefill),
    tuning,
    batch: wholeNumber('batch', batch),
  };
}

function readBatch({
  batch,
  plans,
  budget,
}: {
  readonly batch?: string;
  readonly plans?: string;
  readonly budget?: string;
}): BatchAsked | null {
  if (batch === undefined) {
    const alone = plans === undefined ? (budget === undefined ? null : 'budget') : 'plans';
    if (alone !== null) throw new Error(`--${alone} goes with --batch`);
    return null;
  }
  return {
    sizes: batch
      .split(',')
      .map((size) => wholeNumber('batch', size))
      .sort((a, b) => a - b),
    plans: plans?.split(',') ?? [],
    budgetBytes:
      budget === undefined ? null : wholeNumber('budget', budget, { max: Number.MAX_SAFE_INTEGER }),
  };
}
