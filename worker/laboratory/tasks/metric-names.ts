import { isObject, show, HostileFields } from '../../hostile-fields.ts';
import type { TaskMetric } from './task-file.ts';

export const outputTypes = [
  'loglikelihood',
  'loglikelihood_rolling',
  'multiple_choice',
  'generate_until',
] as const;

export type OutputType = (typeof outputTypes)[number];

/** How the values of the items become one number. */
export type Aggregation = 'mean' | 'perplexity' | 'weighted_perplexity' | 'bits_per_byte' | 'brier_score';

interface MetricFacts {
  readonly of: readonly OutputType[];
  readonly aggregation: Aggregation;
  readonly higherIsBetter: boolean;
}

/** The harness's metrics that kvtab computes. */
export const metrics = {
  acc: { of: ['multiple_choice', 'loglikelihood'], aggregation: 'mean', higherIsBetter: true },
  acc_norm: { of: ['multiple_choice'], aggregation: 'mean', higherIsBetter: true },
  acc_bytes: { of: ['multiple_choice'], aggregation: 'mean', higherIsBetter: true },
  acc_mutual_info: { of: ['multiple_choice'], aggregation: 'mean', higherIsBetter: true },
  brier_score: { of: ['multiple_choice'], aggregation: 'brier_score', higherIsBetter: false },
  exact_match: { of: ['generate_until', 'multiple_choice'], aggregation: 'mean', higherIsBetter: true },
  perplexity: { of: ['loglikelihood'], aggregation: 'perplexity', higherIsBetter: false },
  word_perplexity: {
    of: ['loglikelihood_rolling'],
    aggregation: 'weighted_perplexity',
    higherIsBetter: false,
  },
  byte_perplexity: {
    of: ['loglikelihood_rolling'],
    aggregation: 'weighted_perplexity',
    higherIsBetter: false,
  },
  bits_per_byte: { of: ['loglikelihood_rolling'], aggregation: 'bits_per_byte', higherIsBetter: false },
} as const satisfies Readonly<Record<string, MetricFacts>>;

export type MetricName = keyof typeof metrics;

const names = Object.keys(metrics) as MetricName[]; // its keys are the names

/** What a task measures if it does not say. */
const defaults: Readonly<Record<OutputType, readonly MetricName[]>> = {
  loglikelihood: ['perplexity', 'acc'],
  loglikelihood_rolling: ['word_perplexity', 'byte_perplexity', 'bits_per_byte'],
  multiple_choice: ['acc', 'acc_norm'],
  generate_until: ['exact_match'],
};

/** The metrics of a task file. Throws Refused for those that kvtab does not compute, by name. */
export function metricsOf(fields: HostileFields, outputType: OutputType): readonly TaskMetric[] {
  const plain = { ignoreCase: false, ignorePunctuation: false, ignoreNumbers: false };
  const list = fields.raw('metric_list');
  if (list === undefined) {
    return defaults[outputType].map((name) => ({
      name,
      higherIsBetter: metrics[name].higherIsBetter,
      ...plain,
    }));
  }
  if (!Array.isArray(list)) fields.refuse('metric_list', `${show(list)} is not a list`);
  return list.map((entry: unknown): TaskMetric => {
    if (!isObject(entry)) return fields.refuse('metric_list', `${show(entry)} is not a metric`);
    const metric = new HostileFields(entry, 'bad-request', 'metric_list');
    const asked = metric.text('metric');
    const name = names.find((each) => each === asked);
    if (!name) return metric.refuse('metric', `${show(asked)} is none of ${names.join(', ')}`);
    const facts: MetricFacts = metrics[name];
    if (!facts.of.includes(outputType)) metric.refuse('metric', `${name} is not a metric of ${outputType}`);
    metric.refuseUnknown([
      ...['metric', 'aggregation', 'higher_is_better', 'hf_evaluate'],
      ...(name === 'exact_match' ? ['ignore_case', 'ignore_punctuation', 'ignore_numbers'] : []),
    ]);
    if (metric.flag('hf_evaluate', false)) metric.refuse('hf_evaluate', 'metrics of other packages are code');
    const aggregation = metric.text('aggregation', facts.aggregation);
    if (aggregation !== facts.aggregation) {
      metric.refuse(
        'aggregation',
        `${name} is aggregated by ${facts.aggregation}, not by ${show(aggregation)}`,
      );
    }
    return {
      name,
      higherIsBetter: metric.flag('higher_is_better', facts.higherIsBetter),
      ignoreCase: metric.flag('ignore_case', false),
      ignorePunctuation: metric.flag('ignore_punctuation', false),
      ignoreNumbers: metric.flag('ignore_numbers', false),
    };
  });
}
