import type { ExportResult } from '../../../worker/protocol/export.ts';
import type { Failure } from '../../../worker/protocol/failure.ts';
import type { ProgressLine } from '../../playground/progress-line.ts';
import { formatBytes, formatCount } from '../../ui/format.ts';

/** How far an export is, as far as the page knows. */
export type ExportPhase =
  | { readonly at: 'idle' }
  | {
      readonly at: 'exporting';
      readonly file: string;
      readonly writtenBytes: number;
      /** 0 until the files were looked at. */
      readonly totalBytes: number;
    }
  | { readonly at: 'ended'; readonly result: ExportResult }
  | { readonly at: 'failed'; readonly failure: Failure };

const readers: Readonly<Record<ExportResult['readBy'], string>> = {
  transformers: 'Hugging Face transformers reads it, and this page.',
  lckv: 'LCKV’s Python code reads it, and this page.',
  kvtab: 'Only this page reads it: LCKV’s Python code has no such model with shared layers.',
};

/** What there is to say about an export, in one line; a failure is said elsewhere. */
export function exportLine(phase: ExportPhase): ProgressLine | null {
  switch (phase.at) {
    case 'idle':
    case 'failed':
      return null;
    case 'exporting': {
      const { file, writtenBytes, totalBytes } = phase;
      return {
        text: file === '' ? 'Exporting' : `Exporting ${file}`,
        detail: totalBytes > 0 ? `${formatBytes(writtenBytes)} of ${formatBytes(totalBytes)}` : '',
        bar: { label: 'Exporting the model', fraction: totalBytes > 0 ? writtenBytes / totalBytes : null },
      };
    }
    case 'ended': {
      const { end, name, zip, files, bytes, readBy } = phase.result;
      if (end === 'stopped') return { text: 'The export was cancelled; nothing of it is left.' };
      const where = zip ? `${name}.zip` : `the folder ${name}`;
      const what = `${formatCount(files.length, 'file')}, ${formatBytes(bytes)}`;
      return { text: `Exported ${what} to ${where}. ${readers[readBy]}` };
    }
  }
}
