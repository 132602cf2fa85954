import { appendFileSync, existsSync, readFileSync, truncateSync } from 'node:fs';
import {
  headLine,
  isSameExperiment,
  readResults,
  recordLine,
  type ItemRecord,
  type ResultsHead,
} from '../../worker/laboratory/records.ts';
import { Refused } from '../../worker/outcome.ts';

/** The records of an experiment in a file, and how many of its bytes are whole lines. None if there is no file. */
interface StoredResults {
  readonly records: readonly ItemRecord[];
  readonly wholeBytes: number;
}

/**
 * Reads the results of an experiment, also those that a run left that was killed while it wrote.
 *
 * @throws Refused if the file holds anything else
 */
export function readResultsFile(path: string, wanted: ResultsHead): StoredResults {
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  // The first line may have been cut too.
  if (headLine(wanted).startsWith(text)) return { records: [], wholeBytes: 0 };
  const { head, records, wholeLength } = readResults(text);
  if (!head || !isSameExperiment(head, wanted.experiment)) {
    const holds = head ? 'the results of another experiment' : 'something other than results';
    throw new Refused({
      code: 'bad-request',
      field: '--out',
      reason: `${path} holds ${holds}; name another file`,
    });
  }
  return { records, wholeBytes: Buffer.byteLength(text.slice(0, wholeLength)) };
}

/** A file of records. Every record is in the file when `append` returns, whatever happens to the process then. */
export class ResultsFile {
  readonly #path: string;
  readonly #records: ItemRecord[];

  /**
   * Opens a file, or goes on with one. A line that was cut by the end of an earlier run is dropped.
   *
   * @throws Refused if it holds anything else than results of this experiment
   */
  static open(path: string, head: ResultsHead): ResultsFile {
    const { records, wholeBytes } = readResultsFile(path, head);
    if (existsSync(path)) truncateSync(path, wholeBytes);
    if (wholeBytes === 0) appendFileSync(path, headLine(head));
    return new ResultsFile(path, [...records]);
  }

  private constructor(path: string, records: ItemRecord[]) {
    this.#path = path;
    this.#records = records;
  }

  get records(): readonly ItemRecord[] {
    return this.#records;
  }

  get byKey(): ReadonlyMap<string, ItemRecord> {
    return byKey(this.#records);
  }

  readonly append = (record: ItemRecord): void => {
    appendFileSync(this.#path, recordLine(record));
    this.#records.push(record);
  };
}

export const byKey = (records: readonly ItemRecord[]): ReadonlyMap<string, ItemRecord> =>
  new Map(records.map((record) => [record.key, record]));
