import type { ExportResult } from '../../../worker/protocol/export.ts';
import type { Failure } from '../../../worker/protocol/failure.ts';
import type { ProgressLine } from '../../playground/progress-line.ts';
import { formatBytes, formatCount } from '../../ui/format.ts';
import { words } from './words.ts';

/** The state of an export. */
export type ExportPhase =
  | { readonly at: 'idle' }
  | {
      readonly at: 'exporting';
      readonly file: string;
      readonly writtenBytes: number;
      /** 0 until the sizes are known. */
      readonly totalBytes: number;
    }
  | { readonly at: 'ended'; readonly result: ExportResult }
  | { readonly at: 'failed'; readonly failure: Failure };

/** The state of an export in one line. The panel shows failures on their own. */
export function exportLine(phase: ExportPhase): ProgressLine | null {
  switch (phase.at) {
    case 'idle':
    case 'failed':
      return null;
    case 'exporting': {
      const { file, writtenBytes, totalBytes } = phase;
      return {
        text: words.exporting(file),
        detail: totalBytes > 0 ? words.bytesOf(formatBytes(writtenBytes), formatBytes(totalBytes)) : '',
        bar: { label: words.bar, fraction: totalBytes > 0 ? writtenBytes / totalBytes : null },
      };
    }
    case 'ended': {
      const { end, name, zip, files, bytes, readBy } = phase.result;
      if (end === 'stopped') return { text: words.cancelled };
      const what = words.size(formatCount(files.length, 'file'), formatBytes(bytes));
      const say = zip ? words.exportedZip : words.exportedFolder;
      return { text: say(what, name, words.readers[readBy]) };
    }
  }
}
