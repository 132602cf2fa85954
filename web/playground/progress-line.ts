import { totalProgress, type Phase } from './phase.ts';
import type { Run } from './run.ts';
import { formatBytes, formatCount, formatPercent } from '../ui/format.ts';
import { words } from './words.ts';

/** What the page is doing, in one line. */
export interface ProgressLine {
  readonly text: string;
  readonly detail?: string;
  /** `fraction` is null if nobody knows how much is left. */
  readonly bar?: { readonly label: string; readonly fraction: number | null };
}

export function progressLine(phase: Phase, run: Run | null): ProgressLine {
  switch (phase.at) {
    case 'idle':
      return { text: words.idle, detail: words.idleDetail };
    case 'loading': {
      const { loadedBytes, totalBytes } = totalProgress(phase.files);
      return {
        text: words.loading(phase.modelId, phase.queued),
        detail: [
          totalBytes > 0 ? words.bytesOf(formatBytes(loadedBytes), formatBytes(totalBytes)) : '',
          phase.room ? words.room(formatBytes(phase.room.weightBytes), phase.room.adapter.backend) : '',
        ]
          .filter((part) => part !== '')
          .join('; '),
        bar: { label: words.loadingBar, fraction: totalBytes > 0 ? loadedBytes / totalBytes : null },
      };
    }
    case 'failed':
      return { text: words.failed };
    case 'generating':
      return !run || run.prefilledFraction < 1
        ? {
            text: words.reading,
            detail: formatPercent(run?.prefilledFraction ?? 0),
            bar: { label: words.reading, fraction: run?.prefilledFraction ?? null },
          }
        : { text: words.writing };
    case 'evaluating':
      return { text: phase.what, bar: { label: words.evaluatingBar, fraction: phase.fraction } };
    case 'ready':
      return { text: run?.end ? describeEnd(run) : words.ready };
  }
}

function describeEnd(run: Run): string {
  const tokens = formatCount(run.newTokens, 'token');
  switch (run.end) {
    case 'length':
      return words.done(tokens);
    case 'end-of-text':
      return words.ended(tokens);
    case 'stopped':
      return words.stopped(tokens);
    default:
      return words.runFailed;
  }
}
