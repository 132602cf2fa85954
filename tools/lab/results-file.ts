import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import {
  headLine,
  isSameExperiment,
  readResults,
  recordLine,
  type ItemRecord,
  type ResultsHead,
} from '../../worker/laboratory/records.ts';
import { Refused } from '../../worker/outcome.ts';

/** A file of records. Every record is in the file when `append` returns, whatever happens to the process then. */
export class ResultsFile {
  readonly #file: number;
  readonly #records: ItemRecord[];

  /**
   * Opens a file, or goes on with one. A line that was cut by the end of an earlier run is dropped.
   *
   * @throws Refused if it holds another experiment
   */
  static open(path: string, head: ResultsHead): ResultsFile {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    const read = readResults(text);
    const isNew = read.wholeLength === 0;
    if (!isNew && !(read.head && isSameExperiment(read.head, head.experiment))) {
      const reason = `${path} holds the results of another experiment; name another file`;
      throw new Refused({ code: 'bad-request', field: '--out', reason });
    }
    const file = openSync(path, isNew ? 'w' : 'r+');
    const whole = Buffer.byteLength(text.slice(0, read.wholeLength));
    ftruncateSync(file, whole);
    if (isNew) writeSync(file, headLine(head));
    else writeSync(file, '', whole);
    return new ResultsFile(file, [...read.records], isNew ? Buffer.byteLength(headLine(head)) : whole);
  }

  #end: number;

  private constructor(file: number, records: ItemRecord[], end: number) {
    this.#file = file;
    this.#records = records;
    this.#end = end;
  }

  get records(): readonly ItemRecord[] {
    return this.#records;
  }

  get byKey(): ReadonlyMap<string, ItemRecord> {
    return new Map(this.#records.map((record) => [record.key, record]));
  }

  readonly append = (record: ItemRecord): void => {
    this.#end += writeSync(this.#file, recordLine(record), this.#end);
    this.#records.push(record);
  };

  close(): void {
    closeSync(this.#file);
  }
}
