import {
  appendFileSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import {
  headLine,
  isSameExperiment,
  readResults,
  recordLine,
  type ItemRecord,
  type ResultsHead,
} from '../../worker/laboratory/records.ts';
import { Refused } from '../../worker/outcome.ts';
import { lockFile } from './file-lock.ts';
import { LabError } from './lab-error.ts';

const LARGEST_BYTES = 256 * 2 ** 20;

/** The records of an experiment in a file, and how many of its bytes are whole lines. None if there is no file. */
interface StoredResults {
  readonly head: ResultsHead;
  readonly records: readonly ItemRecord[];
  readonly wholeBytes: number;
}

const refuse = (reason: string) => new Refused({ code: 'bad-request', field: '--out', reason });

/**
 * Reads the results of an experiment, also those that a run left that was killed while it wrote.
 *
 * @throws Refused if the file holds anything else
 */
export function readResultsFile(path: string, wanted: ResultsHead): StoredResults {
  const bytes = existsSync(path) ? readBytes(path) : Buffer.alloc(0);
  const text = bytes.toString('utf8');
  // The first line may have been cut too.
  if (headLine(wanted).startsWith(text)) return { head: wanted, records: [], wholeBytes: 0 };
  const { head, records } = readResults(text);
  if (!head || !isSameExperiment(head, wanted.experiment)) {
    const holds = head ? 'the results of another experiment' : 'something other than results';
    throw refuse(`${path} holds ${holds}; name another file`);
  }
  return { head, records, wholeBytes: bytes.lastIndexOf('\n') + 1 };
}

function readBytes(path: string): Buffer {
  const stats = statSync(path);
  if (!stats.isFile()) throw refuse(`${path} is not a file; name another one`);
  if (stats.size > LARGEST_BYTES) throw refuse(`${path} has ${stats.size} bytes, more than ${LARGEST_BYTES}`);
  return readFileSync(path);
}

/** A file of records. Every record is in the file when `append` returns, whatever happens to the process then. */
export class ResultsFile {
  /** As the file has it: an older version of kvtab may have begun the file. */
  readonly head: ResultsHead;
  readonly #path: string;
  readonly #records: ItemRecord[];
  readonly #byKey: Map<string, ItemRecord>;
  readonly #unlock: () => void;

  /**
   * Opens a file, or continues one, for this process alone. A line that was cut by the end of an earlier run is dropped.
   *
   * @throws Refused if it holds anything else than results of this experiment; LabError if another process writes it, or
   *   if it cannot be written
   */
  static open(path: string, wanted: ResultsHead): ResultsFile {
    const unlock = lockFile(path);
    try {
      const { head, records, wholeBytes } = readResultsFile(path, wanted);
      writing(path, () => {
        if (existsSync(path)) truncateSync(path, wholeBytes);
        if (wholeBytes === 0) appendFileSync(path, headLine(wanted));
      });
      return new ResultsFile(path, head, [...records], unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  private constructor(path: string, head: ResultsHead, records: ItemRecord[], unlock: () => void) {
    this.#path = path;
    this.head = head;
    this.#records = records;
    this.#byKey = new Map(byKey(records));
    this.#unlock = unlock;
  }

  get records(): readonly ItemRecord[] {
    return this.#records;
  }

  get byKey(): ReadonlyMap<string, ItemRecord> {
    return this.#byKey;
  }

  /** @throws LabError if it cannot be written, such as on a full disk */
  readonly append = (record: ItemRecord): void => {
    writing(this.#path, () => {
      appendFileSync(this.#path, recordLine(record));
    });
    this.#records.push(record);
    this.#byKey.set(record.key, record);
  };

  /** Puts the records in order: those of a lower rank first, and else as they are. All or nothing of it happens. */
  sort(rankOf: (record: ItemRecord) => number): void {
    const sorted = this.#records.toSorted((a, b) => rankOf(a) - rankOf(b));
    if (sorted.every((record, i) => record === this.#records[i])) return;
    writing(this.#path, () => {
      const other = `${this.#path}.sorted`;
      writeFileSync(other, headLine(this.head) + sorted.map(recordLine).join(''));
      renameSync(other, this.#path);
    });
    this.#records.splice(0, sorted.length, ...sorted);
  }

  close(): void {
    this.#unlock();
  }
}

export const byKey = (records: readonly ItemRecord[]): ReadonlyMap<string, ItemRecord> =>
  new Map(records.map((record) => [record.key, record]));

function writing(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new LabError(
      `${path} cannot be written: ${reason}. What it holds stays, and the same command continues it`,
    );
  }
}
