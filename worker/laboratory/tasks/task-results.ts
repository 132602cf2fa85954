/** Results in lm-evaluation-harness's own layout: `results_*.json` and `samples_<task>_*.jsonl`. */
import { sha256 } from '../../sha256.ts';
import type { Measured } from '../../protocol/measure.ts';
import type { Task } from './task-file.ts';
import { pythonText, type TaskItem } from './task-items.ts';
import { aggregate, metricsOfItem, type ItemMetrics, type MetricValue } from './task-metrics.ts';

export interface MeasuredTask {
  readonly task: Task;
  readonly items: readonly TaskItem[];
  /** One for each item. */
  readonly measured: readonly Measured[];
}

export interface TaskResults {
  /** Of `results`: `acc,none`, `acc_stderr,none` and so on. */
  readonly numbers: Readonly<Record<string, unknown>>;
  /** Lines of the sample file. */
  readonly samples: readonly Readonly<Record<string, unknown>>[];
  /** Of `task_hashes`. */
  readonly hash: string;
  /** Items that could not be scored, and are left out of the numbers. */
  readonly notScorable: number;
}

/** The harness prints numbers that it has no error for as this. */
const NO_ERROR = 'N/A';

export async function resultsOf(
  { task, items, measured }: MeasuredTask,
  bootstrapIterations: number,
): Promise<TaskResults> {
  const ofItems = items.map((item, i) => {
    const found = measured[i];
    return found ? metricsOfItem(task, item, found) : null;
  });
  const scored = ofItems.filter((each) => each !== null);
  const numbers: Record<string, unknown> = { name: task.name, alias: task.name, sample_len: items.length };
  for (const { name } of task.metrics) {
    const { value, standardError } = aggregate(name, scored, bootstrapIterations);
    numbers[`${name},none`] = value;
    numbers[`${name}_stderr,none`] = standardError ?? NO_ERROR;
  }
  const samples: Readonly<Record<string, unknown>>[] = [];
  for (const [i, item] of items.entries()) {
    const found = measured[i];
    if (found) samples.push(await sampleOf(task, item, i, found, ofItems[i] ?? null));
  }
  const hashes = samples.map(
    (each) => `${text(each['doc_hash'])}${text(each['prompt_hash'])}${text(each['target_hash'])}`,
  );
  return {
    numbers,
    samples,
    hash: await sha256(hashes.join('')),
    notScorable: items.length - scored.length,
  };
}

const text = (value: unknown) => (typeof value === 'string' ? value : '');

async function sampleOf(
  task: Task,
  item: TaskItem,
  id: number,
  measured: Measured,
  metrics: ItemMetrics | null,
): Promise<Readonly<Record<string, unknown>>> {
  const { document, target, requests } = item;
  const answers = answersOf(measured);
  const isWhole = task.outputType === 'loglikelihood_rolling';
  const generates = task.outputType === 'generate_until';
  const generation = { until: task.until, max_gen_toks: task.maxNewTokens, do_sample: false, temperature: 0 };
  const args = requests.map(({ context, continuation }, i) => [
    `gen_args_${i}`,
    isWhole ? { arg_0: context } : { arg_0: context, arg_1: generates ? generation : continuation },
  ]);
  return {
    doc_id: id,
    doc: document,
    target: pythonText(target),
    arguments: Object.fromEntries(args) as unknown,
    resps: answers.map((answer) => [answer]),
    filtered_resps: answers,
    filter: 'none',
    metrics: [...(metrics?.keys() ?? [])],
    doc_hash: await sha256(JSON.stringify(document, null, 2)),
    prompt_hash: await sha256(requests[0]?.context ?? ''),
    target_hash: await sha256(pythonText(target)),
    ...Object.fromEntries([...(metrics ?? [])].map(([name, value]) => [name, valueOf(value)])),
    kvtab: measured,
  };
}

/** Answers as the harness writes them: texts, of Python's spelling. */
function answersOf(measured: Measured): readonly unknown[] {
  switch (measured.kind) {
    case 'likelihood':
      return measured.requests.map(({ logLikelihood, greedy }) => [
        String(logLikelihood),
        greedy ? 'True' : 'False',
      ]);
    case 'rolling':
      return [String(measured.logLikelihood)];
    case 'generate':
      return [measured.text];
    default:
      return [];
  }
}

function valueOf(value: MetricValue): unknown {
  switch (value.type) {
    case 'number':
      return value.value;
    case 'weighted':
      return [value.value, value.weight];
    case 'probabilities':
      return [value.gold, value.probabilities];
    default:
      return value satisfies never;
  }
}
