/** The harness's metrics: a value for each item, and one number with its standard error for a task. */
import type { Measured, ScoredContinuation } from '../../protocol/measure.ts';
import { codePoints, utf8Bytes } from '../python-text.ts';
import { mean, standardDeviation, standardError } from '../statistics/moments.ts';
import { metrics, type Aggregation, type MetricName } from './metric-names.ts';
import { PythonRandom } from './python-random.ts';
import type { Task, TaskMetric } from './task-file.ts';
import { pythonText, type TaskItem } from './task-items.ts';

/** A number; a log-likelihood and its weight; or the right choice and the probabilities of all. */
export type MetricValue =
  | { readonly type: 'number'; readonly value: number }
  | { readonly type: 'weighted'; readonly value: number; readonly weight: number }
  | { readonly type: 'probabilities'; readonly gold: number; readonly probabilities: readonly number[] };

export type ItemMetrics = ReadonlyMap<MetricName, MetricValue>;

/**
 * The index of the largest, the first of equals; NaN counts as larger than everything, as in numpy. −1 if there is none.
 */
export function argmax(values: readonly number[]): number {
  let best = values.length > 0 ? 0 : -1;
  for (const [i, value] of values.entries()) {
    const held = values[best] ?? NaN;
    if (!Number.isNaN(held) && (value > held || Number.isNaN(value))) best = i;
  }
  return best;
}

/** The values of one item; null if some continuation was too long to be scored. */
export function metricsOfItem(task: Task, item: TaskItem, measured: Measured): ItemMetrics | null {
  const asked = task.metrics.map(({ name }) => name);
  const found = new Map<MetricName, MetricValue>();
  const put = (name: MetricName, value: MetricValue) => {
    if (asked.includes(name)) found.set(name, value);
  };
  const putNumber = (name: MetricName, value: number) => {
    put(name, { type: 'number', value });
  };
  switch (measured.kind) {
    case 'rolling': {
      const { logLikelihood: value, words, bytes } = measured;
      put('word_perplexity', { type: 'weighted', value, weight: words });
      put('byte_perplexity', { type: 'weighted', value, weight: bytes });
      put('bits_per_byte', { type: 'weighted', value, weight: bytes });
      break;
    }
    case 'generate': {
      const exact = task.metrics.find(({ name }) => name === 'exact_match');
      if (exact) putNumber('exact_match', matches(measured.text, golds(item), exact) ? 1 : 0);
      break;
    }
    case 'likelihood': {
      const scored = scoredOf(measured.requests);
      if (!scored) return null;
      if (task.outputType === 'loglikelihood') {
        const [only] = scored;
        if (only) putNumber('perplexity', only.logLikelihood);
        if (only) putNumber('acc', only.greedy ? 1 : 0);
        break;
      }
      for (const [name, value] of metricsOfChoices(item, scored)) put(name, value);
      break;
    }
    default:
      throw new Error(`a task has no items of kind ${measured.kind}`);
  }
  // In the order of the task file.
  return new Map(
    asked.flatMap((name) => {
      const value = found.get(name);
      return value ? [[name, value] as const] : [];
    }),
  );
}

type Scored = ScoredContinuation & { readonly logLikelihood: number };

function scoredOf(requests: readonly ScoredContinuation[]): readonly Scored[] | null {
  const scored = requests.flatMap((each) =>
    each.logLikelihood === null ? [] : [{ ...each, logLikelihood: each.logLikelihood }],
  );
  return scored.length === requests.length ? scored : null;
}

function metricsOfChoices(item: TaskItem, scored: readonly Scored[]): ItemMetrics {
  const { choices, gold } = item;
  const nats = scored.slice(0, choices.length).map(({ logLikelihood }) => logLikelihood);
  const alone = scored.slice(choices.length).map(({ logLikelihood }) => logLikelihood);
  const isRight = (values: readonly number[]) => (gold.includes(argmax(values)) ? 1 : 0);
  const by = (lengthOf: (choice: string) => number) =>
    nats.map((value, i) => value / lengthOf(choices[i] ?? ''));
  const values: Partial<Record<MetricName, number>> = {
    acc: isRight(nats),
    acc_norm: isRight(by(codePoints)),
    acc_bytes: isRight(by(utf8Bytes)),
    exact_match: gold.some((i) => scored[i]?.greedy === true) ? 1 : 0,
    ...(alone.length > 0 && {
      acc_mutual_info: isRight(nats.map((value, i) => value - (alone[i] ?? NaN))),
    }),
  };
  const largest = Math.max(...nats);
  const weights = nats.map((value) => Math.exp(value - largest));
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return new Map<MetricName, MetricValue>([
    ...Object.entries(values).map(
      ([name, value]) => [name as MetricName, { type: 'number', value }] as const, // the keys are the names
    ),
    [
      'brier_score',
      { type: 'probabilities', gold: gold[0] ?? -1, probabilities: weights.map((weight) => weight / sum) },
    ],
  ]);
}

/** The margin of an item with choices, in nats: the right choice minus the best wrong one. */
export function marginOf(nats: readonly number[], gold: readonly number[]): number {
  const right = nats.filter((_, i) => gold.includes(i));
  const wrong = nats.filter((_, i) => !gold.includes(i));
  return Math.max(...right) - Math.max(...wrong);
}

function golds({ target, choices }: TaskItem): readonly string[] {
  if (choices.length > 0 && typeof target === 'number') return [choices[target] ?? ''];
  return Array.isArray(target) ? target.map(pythonText) : [pythonText(target)];
}

/** Python's `string.punctuation` and `string.digits`. */
const punctuation = /[!-/:-@[-`{-~]/g;
const digits = /[0-9]/g;

/** Whether a text equals one of the references, leading space included. */
function matches(text: string, references: readonly string[], metric: TaskMetric): boolean {
  const plain = (each: string) => {
    let rest = metric.ignoreCase ? each.toLowerCase() : each;
    if (metric.ignorePunctuation) rest = rest.replace(punctuation, '');
    return metric.ignoreNumbers ? rest.replace(digits, '') : rest;
  };
  return references.some((reference) => plain(reference) === plain(text));
}

export interface TaskNumber {
  readonly value: number;
  /** Null if the harness knows none for the metric. */
  readonly standardError: number | null;
}

/** One metric over all items that have it. */
export function aggregate(
  name: MetricName,
  items: readonly ItemMetrics[],
  bootstrapIterations: number,
): TaskNumber {
  const values = items.flatMap((each) => each.get(name) ?? []);
  const numbers = values.flatMap((each) => (each.type === 'number' ? [each.value] : []));
  const aggregation: Aggregation = metrics[name].aggregation;
  switch (aggregation) {
    case 'mean':
      return { value: mean(numbers), standardError: standardError(numbers) };
    case 'perplexity':
      return {
        value: perplexity(numbers),
        standardError: bootstrap(numbers, perplexity, bootstrapIterations),
      };
    case 'weighted_perplexity':
      return { value: Math.exp(-weightedMean(values)), standardError: null };
    case 'bits_per_byte':
      return { value: -weightedMean(values) / Math.LN2, standardError: null };
    case 'brier_score':
      return { value: brierScore(values), standardError: null };
    default:
      return aggregation satisfies never;
  }
}

const perplexity = (nats: readonly number[]) => Math.exp(-mean(nats));

function weightedMean(values: readonly MetricValue[]): number {
  let [sum, weights] = [0, 0];
  for (const each of values) {
    if (each.type !== 'weighted') continue;
    sum += each.value;
    weights += each.weight;
  }
  return sum / weights;
}

function brierScore(values: readonly MetricValue[]): number {
  return mean(
    values.flatMap((each) =>
      each.type === 'probabilities'
        ? [each.probabilities.reduce((sum, p, i) => sum + (p - (i === each.gold ? 1 : 0)) ** 2, 0)]
        : [],
    ),
  );
}

/** Draws of one chunk, whose number seeds its generator. */
const CHUNK = 1000;

/** The harness's bootstrap: the standard deviation of a statistic over samples drawn with replacement. */
function bootstrap(
  values: readonly number[],
  statistic: (values: readonly number[]) => number,
  iterations: number,
): number | null {
  if (iterations === 0 || values.length === 0) return null;
  const size = Math.min(CHUNK, iterations);
  const results: number[] = [];
  for (let chunk = 0; chunk < Math.floor(iterations / size); chunk++) {
    const random = new PythonRandom(chunk);
    for (let i = 0; i < size; i++) {
      results.push(statistic(Array.from(random.choices(values.length), (drawn) => values[drawn] ?? 0)));
    }
  }
  return standardDeviation(results);
}
