import { brief } from '../hostile-fields.ts';
import { Refused } from '../outcome.ts';

/** Runs `work`, which writes `file`. Its exceptions become `export-failed`: disks fill up and permissions end. */
export async function writing<T>(file: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Refused({ code: 'export-failed', file: brief(file), reason: brief(reason) });
  }
}
