// What `npm run lab` is asked for.
import { parseArgs } from 'node:util';

export const usage = `npm run --silent lab -- EXPERIMENT.json --out RESULTS.jsonl [--estimate] [--table md|csv|latex]
                        [--harness DIR] [--queue REDIS]
npm run --silent lab -- work --queue REDIS [--lost-after SECONDS]
npm run --silent lab -- --tasks A.yaml B.yaml --model MODEL --out DIR
                        [--backend webgpu|cpu] [--max-length N] [--begin harness|once] [--kv f32|f16]
                        [--mode auto|sequential|parallel] [--limit N]
  EXPERIMENT.json  what to vary and to measure: docs/laboratory.md
  --out            where results go; an experiment continues what is there
  --estimate       says what the experiment will cost, and runs nothing
  --table          the form of the table that is printed at the end (md)
  --harness        also writes the results as lm-evaluation-harness does, a folder of DIR for each row
  --queue          redis://user:password@host:port: others measure the experiment's cells, and this process collects them
  work             measures cells of a queue until Ctrl+C, with the models and texts of this machine
  --lost-after     how long a worker may be silent before another one takes its cell (60)
  --tasks          task files of lm-evaluation-harness, with their JSON data beside them
  --model          the id of a model that ships, a folder, or hub:owner/name
  --max-length     the most input tokens (what the model was made for)
  --begin          whether whole texts get the begin tokens that the harness gives them (the default), or one
  --limit          only the first N items of each task`;

/**
 * @typedef {{ readonly kind: 'tasks', readonly tasks: readonly string[], readonly model: string, readonly out: string,
 *   readonly backend: 'webgpu' | 'cpu', readonly maxLength: number | null, readonly begin: 'harness' | 'once',
 *   readonly kv: 'f32' | 'f16', readonly mode: 'auto' | 'sequential' | 'parallel', readonly limit: number | null }} TasksOrder
 * @typedef {{ readonly kind: 'experiment', readonly experiment: string, readonly out: string,
 *   readonly estimate: boolean, readonly table: 'md' | 'csv' | 'latex' | null,
 *   readonly harness: string | null, readonly queue: string | null }} ExperimentOrder
 * @typedef {{ readonly kind: 'work', readonly queue: string, readonly lostAfterMs: number }} WorkOrder
 */

/**
 * @param {readonly string[]} args
 * @returns {TasksOrder | ExperimentOrder | WorkOrder | { readonly kind: 'wrong', readonly reason: string }}
 */
export function readOptions(args) {
  /** @type {(reason: string) => { readonly kind: 'wrong', readonly reason: string }} */
  const wrong = (reason) => ({ kind: 'wrong', reason });
  let read;
  try {
    read = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        tasks: { type: 'string', multiple: true },
        model: { type: 'string' },
        backend: { type: 'string', default: 'webgpu' },
        out: { type: 'string' },
        'max-length': { type: 'string' },
        begin: { type: 'string', default: 'harness' },
        kv: { type: 'string', default: 'f32' },
        mode: { type: 'string', default: 'auto' },
        limit: { type: 'string' },
        estimate: { type: 'boolean', default: false },
        table: { type: 'string' },
        harness: { type: 'string' },
        queue: { type: 'string' },
        'lost-after': { type: 'string', default: '60' },
      },
    });
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = read;
  const { out, backend, begin, kv, mode, table = null, queue = null, harness = null } = values;
  if (positionals[0] === 'work' && positionals.length === 1) {
    const lostAfter = Number(values['lost-after']);
    if (queue === null) return wrong('--queue is missing: say where the cells come from');
    if (!(lostAfter >= 1 && lostAfter <= 86_400)) return wrong('--lost-after must be 1 to 86400 seconds');
    return { kind: 'work', queue, lostAfterMs: lostAfter * 1000 };
  }
  if (!out) return wrong('--out is missing: say where the results go');
  if (values.tasks) {
    const tasks = [...values.tasks, ...positionals];
    const { model } = values;
    if (!model) return wrong('--model is missing');
    if (backend !== 'webgpu' && backend !== 'cpu')
      return wrong(`--backend ${backend} is neither webgpu nor cpu`);
    if (begin !== 'harness' && begin !== 'once') return wrong(`--begin ${begin} is neither harness nor once`);
    if (kv !== 'f32' && kv !== 'f16') return wrong(`--kv ${kv} is neither f32 nor f16`);
    if (mode !== 'auto' && mode !== 'sequential' && mode !== 'parallel') {
      return wrong(`--mode ${mode} is none of auto, sequential and parallel`);
    }
    const maxLength = values['max-length'] === undefined ? null : Number(values['max-length']);
    const limit = values.limit === undefined ? null : Number(values.limit);
    for (const [name, number] of /** @type {const} */ ([
      ['--max-length', maxLength],
      ['--limit', limit],
    ])) {
      if (number !== null && !(Number.isInteger(number) && number > 0)) {
        return wrong(`${name} must be a whole number from 1 on`);
      }
    }
    return { kind: 'tasks', tasks, model, out, backend, maxLength, begin, kv, mode, limit };
  }
  const [experiment, ...others] = positionals;
  if (!experiment || others.length > 0) return wrong('name one experiment, or task files by --tasks');
  if (table !== null && table !== 'md' && table !== 'csv' && table !== 'latex') {
    return wrong(`--table ${table} is none of md, csv and latex`);
  }
  return { kind: 'experiment', experiment, out, estimate: values.estimate, table, harness, queue };
}
