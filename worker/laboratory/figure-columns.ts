/** The figures of each measure: how they come from records. */
import type { Measured } from '../protocol/measure.ts';
import { shapesOf, type ItemFacts } from './measure-items.ts';
import type { GenerateMeasure, Measure, SpeedMeasure } from './measures.ts';
import { codePoints, utf8Bytes } from './python-text.ts';
import { argmax, marginOf } from './tasks/task-metrics.ts';

/** How a figure comes from what was measured. */
export interface Column {
  readonly name: string;
  readonly unit: string;
  readonly higherIsBetter: boolean | null;
  /** How it is compared: means item by item, fractions of 0 and 1, or a statistic of documents. */
  readonly kind: 'mean' | 'fraction' | 'statistic' | 'median' | 'maximum';
  /** What an item contributes. Undefined if it has no such value. */
  readonly value: (measured: Measured, facts: ItemFacts, item: number) => number | undefined;
  readonly weight?: (measured: Measured) => number;
  /** Of Σ values and Σ weights. */
  readonly statistic?: (value: number, weight: number) => number;
}

const kvBytes: Column = {
  name: 'KV bytes in use',
  unit: 'bytes',
  higherIsBetter: false,
  kind: 'maximum',
  value: (measured) => (measured.kind === 'unmeasured' ? undefined : measured.kvBytes),
};

/** The figures of a measure. */
export function columnsOf(measure: Measure): readonly Column[] {
  switch (measure.kind) {
    case 'rolling':
      return [
        rolling(
          'bits per byte',
          'bits',
          ({ bytes }) => bytes,
          (nats, bytes) => -nats / bytes / Math.LN2,
        ),
        rolling(
          'perplexity per word',
          '',
          ({ words }) => words,
          (nats, words) => Math.exp(-nats / words),
        ),
        rolling(
          'perplexity per byte',
          '',
          ({ bytes }) => bytes,
          (nats, bytes) => Math.exp(-nats / bytes),
        ),
        kvBytes,
      ];
    case 'choices':
      return [
        choices('accuracy', () => 1),
        choices('accuracy by characters', codePoints),
        choices('accuracy by bytes', utf8Bytes),
        ...(measure.mutualInfo ? [byMutualInfo] : []),
        {
          name: 'margin',
          unit: 'nats',
          higherIsBetter: true,
          kind: 'mean',
          value: (measured, facts) => {
            const nats = natsOfChoices(measured, facts);
            return nats && marginOf(nats, [facts.gold]);
          },
        },
        kvBytes,
      ];
    case 'continuation':
      return [
        {
          name: 'perplexity',
          unit: '',
          higherIsBetter: false,
          kind: 'statistic',
          value: (measured) => natsOf(measured)?.[0],
          statistic: (nats, items) => Math.exp(-nats / items),
        },
        {
          name: 'accuracy',
          unit: '',
          higherIsBetter: true,
          kind: 'fraction',
          value: (measured) =>
            natsOf(measured) && measured.kind === 'likelihood'
              ? Number(measured.requests[0]?.greedy)
              : undefined,
        },
        {
          name: 'log-likelihood',
          unit: 'nats',
          higherIsBetter: true,
          kind: 'mean',
          value: (measured) => natsOf(measured)?.[0],
        },
        kvBytes,
      ];
    case 'generate':
      return [
        {
          name: measure.match,
          unit: '',
          higherIsBetter: true,
          kind: 'fraction',
          value: (measured, { references }) =>
            measured.kind === 'generate' ? matched(measured.text, references, measure.match) : undefined,
        },
        kvBytes,
      ];
    case 'recall':
      return [
        ...measure.distances.map((distance, i): Column => ({
          name: `recall at ${distance} tokens`,
          unit: 'nats',
          higherIsBetter: true,
          kind: 'mean',
          value: (measured, _, item) =>
            measured.kind === 'recall' && Math.floor(item / measure.repeats) === i
              ? measured.told - measured.untold
              : undefined,
        })),
        kvBytes,
      ];
    case 'hidden':
      return [
        hidden('matrix nuclear norm', ({ matrixNuclearNorm }) => matrixNuclearNorm),
        hidden('exact nuclear norm', ({ nuclearNorm }) => nuclearNorm),
        hidden('matrix entropy', ({ entropy }) => entropy),
        kvBytes,
      ];
    case 'speed':
      return [...speedColumns(measure), ...largestBatches(measure)];
    default:
      return measure satisfies never;
  }
}

function rolling(
  name: string,
  unit: string,
  weight: (measured: Extract<Measured, { kind: 'rolling' }>) => number,
  statistic: (nats: number, weight: number) => number,
): Column {
  return {
    name,
    unit,
    higherIsBetter: false,
    kind: 'statistic',
    // A text that a prompt covers whole has nothing to score.
    value: (measured) =>
      measured.kind === 'rolling' && measured.tokens > 0 ? measured.logLikelihood : undefined,
    weight: (measured) => (measured.kind === 'rolling' ? weight(measured) : 0),
    statistic,
  };
}

const choices = (name: string, lengthOf: (choice: string) => number): Column => ({
  name,
  unit: '',
  higherIsBetter: true,
  kind: 'fraction',
  value: (measured, facts) => {
    const nats = natsOfChoices(measured, facts);
    return (
      nats && Number(argmax(nats.map((each, i) => each / lengthOf(facts.choices[i] ?? ''))) === facts.gold)
    );
  },
});

/** What the context adds to each choice decides. */
const byMutualInfo: Column = {
  name: 'accuracy by mutual information',
  unit: '',
  higherIsBetter: true,
  kind: 'fraction',
  value: (measured, { choices: { length }, gold }) => {
    const nats = natsOf(measured);
    if (nats?.length !== 2 * length) return undefined;
    return Number(argmax(nats.slice(0, length).map((each, i) => each - (nats[length + i] ?? NaN))) === gold);
  },
};

/** The log-likelihoods of the choices behind their context. */
const natsOfChoices = (measured: Measured, { choices: { length } }: ItemFacts) =>
  natsOf(measured)?.slice(0, length);

function hidden(
  name: string,
  of: (state: Extract<Measured, { kind: 'hidden' }>['states'][number]) => number | null,
): Column {
  return {
    name: `${name}, after the final norm`,
    unit: '',
    higherIsBetter: null,
    kind: 'mean',
    value: (measured) => {
      const last = measured.kind === 'hidden' ? measured.states.at(-1) : undefined;
      return (last && of(last)) ?? undefined;
    },
  };
}

/** The log-likelihoods of an item; undefined if one of them could not be scored. */
function natsOf(measured: Measured): readonly number[] | undefined {
  if (measured.kind !== 'likelihood') return undefined;
  const nats = measured.requests.flatMap(({ logLikelihood }) => logLikelihood ?? []);
  return nats.length === measured.requests.length ? nats : undefined;
}

/** RULER's rules ignore case: the fraction of references that the text holds, or whether it holds one. */
export function matched(text: string, references: readonly string[], rule: GenerateMeasure['match']): number {
  if (rule === 'exact') return Number(references.includes(text));
  const held = references.filter((reference) => text.toLowerCase().includes(reference.toLowerCase()));
  return rule === 'contains-any' ? Number(held.length > 0) : held.length / Math.max(1, references.length);
}

interface Times {
  readonly batch: number;
  readonly prefillMs: number;
  readonly decodeMs: number;
}

/** What a timed run took, in kvtab or in another engine, which writes one sequence. */
function timesOf(measured: Measured): Times | null {
  if (measured.kind === 'peer-speed') return { ...measured, batch: 1 };
  return measured.kind === 'speed' ? measured : null;
}

/** What tells a shape from the others of its measure. */
export function shapeInWords({ prompt, generate, batch }: Shape, { batch: batches }: SpeedMeasure): string {
  const tokens = `${prompt} + ${generate} tokens`;
  if (batches.length === 1 && batch === 1) return tokens;
  return batch === 'largest' ? `${tokens}, largest batch` : `${tokens}, batch ${batch}`;
}

type Shape = ReturnType<typeof shapesOf>[number];

/** Throughput of each shape, of all sequences together: with the prompt, as LCKV counts it, and of its two parts. */
function speedColumns(measure: SpeedMeasure): readonly Column[] {
  const shapes = shapesOf(measure);
  return shapes.flatMap((shape, i) => {
    const { prompt, generate } = shape;
    const speed = (name: string, of: (times: Times) => number): Column => ({
      name: `${name}, ${shapeInWords(shape, measure)}`,
      unit: 'tokens/s',
      higherIsBetter: true,
      kind: 'median',
      value: (measured, _, item) => {
        const times = item % shapes.length === i ? timesOf(measured) : null;
        return times ? finiteOf(of(times)) : undefined;
      },
    });
    return [
      speed(
        'throughput',
        ({ batch, prefillMs, decodeMs }) => (1000 * batch * generate) / (prefillMs + decodeMs),
      ),
      speed('prefill', ({ batch, prefillMs }) => (1000 * batch * prompt) / prefillMs),
      speed('decode', ({ batch, decodeMs }) => (1000 * batch * (generate - 1)) / decodeMs),
    ];
  });
}

/** A coarse clock may say that no time has passed. */
const finiteOf = (value: number) => (Number.isFinite(value) && value > 0 ? value : undefined);

/** The largest batch of each length of a sequence. */
function largestBatches(measure: SpeedMeasure): readonly Column[] {
  const shapes = shapesOf(measure);
  const lengths = [...new Set(shapes.map(({ prompt, generate }) => prompt + generate))];
  return lengths.map((tokens) => ({
    name: `largest batch, from bytes${lengths.length === 1 ? '' : `, ${tokens} tokens`}`,
    unit: 'sequences',
    higherIsBetter: true,
    kind: 'maximum',
    value: (measured, _, item) => {
      const { prompt = 0, generate = 0 } = shapes[item % shapes.length] ?? {};
      return measured.kind === 'speed' && prompt + generate === tokens ? measured.largestBatch : undefined;
    },
  }));
}
