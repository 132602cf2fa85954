/** A measure of an experiment as a task of lm-evaluation-harness, so that its results are written in that layout. */
import type { MeasureItems } from './measure-items.ts';
import { sourceOf } from './measure-items.ts';
import type { Measure } from './measures.ts';
import { readDocuments } from './tasks/documents.ts';
import type { MetricName, OutputType } from './tasks/metric-names.ts';
import type { Task } from './tasks/task-file.ts';
import type { TaskItem } from './tasks/task-items.ts';

interface HarnessKind {
  readonly outputType: OutputType;
  readonly metrics: readonly (readonly [name: MetricName, higherIsBetter: boolean])[];
}

/** Null for measures that the harness does not know: recall, hidden states, speed, and RULER's rules. */
export function harnessKind(measure: Measure): HarnessKind | null {
  switch (measure.kind) {
    case 'rolling':
      return {
        outputType: 'loglikelihood_rolling',
        metrics: [
          ['word_perplexity', false],
          ['byte_perplexity', false],
          ['bits_per_byte', false],
        ],
      };
    case 'choices':
      return {
        outputType: 'multiple_choice',
        metrics: [
          ['acc', true],
          ['acc_norm', true],
          ['acc_bytes', true],
          ...(measure.mutualInfo ? ([['acc_mutual_info', true]] as const) : []),
          ['brier_score', false],
        ],
      };
    case 'continuation':
      return {
        outputType: 'loglikelihood',
        metrics: [
          ['perplexity', false],
          ['acc', true],
        ],
      };
    case 'generate':
      return measure.match === 'exact'
        ? { outputType: 'generate_until', metrics: [['exact_match', true]] }
        : null;
    case 'recall':
    case 'hidden':
    case 'speed':
      return null;
    default:
      return measure satisfies never;
  }
}

/** @param config what the measure says, for the results */
export function harnessTask(
  measure: Measure,
  { outputType, metrics }: HarnessKind,
  config: Readonly<Record<string, unknown>>,
): Task {
  const generation =
    measure.kind === 'generate'
      ? { until: measure.until, maxNewTokens: measure.maxNewTokens }
      : { until: [], maxNewTokens: 0 };
  return {
    name: measure.id,
    outputType,
    dataFiles: new Map(),
    ...{ split: 'items', fewshotSplit: 'items', fewshotCount: 0, fewshotSamples: null },
    ...{ docToText: null, docToTarget: null, docToChoice: null, description: '' },
    targetDelimiter: measure.kind === 'choices' ? measure.delimiter : '',
    fewshotDelimiter: '\n\n',
    metrics: metrics.map(([name, higherIsBetter]) => ({
      ...{ name, higherIsBetter, ignoreCase: false, ignorePunctuation: false, ignoreNumbers: false },
    })),
    ...generation,
    version: 1,
    config,
  };
}

/** The items of a measure as the harness would have made them of their documents. */
export function harnessItems(
  measure: Measure,
  { work, facts }: MeasureItems,
  source: string,
): readonly TaskItem[] {
  const isText = (measure.kind === 'rolling' || measure.kind === 'hidden') && measure.column === null;
  const documents = sourceOf(measure) && !isText ? readDocuments(source, measure.id) : [{ text: source }];
  return facts.map(({ choices, gold, references }, i) => ({
    document: documents[i] ?? {},
    target: gold >= 0 ? gold : (references[0] ?? targetOf(work, i)),
    requests: requestsOf(work, i),
    choices,
    gold: gold >= 0 ? [gold] : [],
    choosesContext: false,
  }));
}

function requestsOf(work: MeasureItems['work'], i: number): TaskItem['requests'] {
  switch (work.kind) {
    case 'likelihood':
      return work.items[i]?.requests ?? [];
    case 'rolling':
      return [{ context: work.items[i]?.text ?? '', continuation: '' }];
    case 'generate':
      return [{ context: work.items[i]?.context ?? '', continuation: '' }];
    default:
      return [];
  }
}

const targetOf = (work: MeasureItems['work'], i: number) => {
  const [request] = requestsOf(work, i);
  return work.kind === 'rolling' ? (request?.context ?? '') : (request?.continuation ?? '');
};
