import { Refused } from '../../outcome.ts';
import type { MeasureWork } from '../../protocol/measure.ts';
import { readDocuments } from './documents.ts';
import { readTask, type Task } from './task-file.ts';
import { itemsOf, type TaskItem } from './task-items.ts';
import type { Document } from './task-template.ts';

export interface OpenedTask {
  readonly task: Task;
  readonly items: readonly TaskItem[];
}

/**
 * Reads a task file and its data, and makes its items.
 *
 * @param file     the name of the task file
 * @param readData reads a file beside it; null if there is none
 * @throws Refused with `bad-request`, naming the file and the field
 */
export async function openTask(
  text: string,
  file: string,
  readData: (name: string) => Promise<string | null>,
): Promise<OpenedTask> {
  const task = readTask(text, file);
  const documentsOf = async (split: string) => {
    const documents: Document[] = [];
    for (const name of task.dataFiles.get(split) ?? []) {
      const data = await readData(name);
      if (data === null) {
        throw new Refused({
          code: 'bad-request',
          field: file,
          reason: `its data file ${name} is not beside it`,
        });
      }
      documents.push(...readDocuments(data, name));
    }
    return documents;
  };
  const documents = await documentsOf(task.split);
  const wantsExamples = task.fewshotCount > 0 && task.fewshotSamples === null;
  const examples = wantsExamples ? await documentsOf(task.fewshotSplit) : [];
  return { task, items: itemsOf(task, documents, examples) };
}

/** What to measure of a task's items. */
export function workOf(
  { task, items }: OpenedTask,
  { maxLength, begin }: { readonly maxLength: number; readonly begin: 'harness' | 'once' },
): MeasureWork {
  switch (task.outputType) {
    case 'loglikelihood_rolling':
      return {
        kind: 'rolling',
        items: items.map(({ requests }) => ({ text: requests[0]?.context ?? '' })),
        maxLength,
        begin,
        promptTokens: null,
      };
    case 'generate_until':
      return {
        kind: 'generate',
        items: items.map(({ requests }) => ({ context: requests[0]?.context ?? '' })),
        until: task.until,
        maxNewTokens: task.maxNewTokens,
        maxLength,
      };
    case 'loglikelihood':
    case 'multiple_choice':
      return { kind: 'likelihood', items: items.map(({ requests }) => ({ requests })), maxLength };
    default:
      return task.outputType satisfies never;
  }
}
