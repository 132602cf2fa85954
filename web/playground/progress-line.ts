import type { ModelFacts } from '../../worker/protocol/load.ts';
import { totalProgress, type Phase } from './phase.ts';
import type { Run } from './run.ts';
import { formatBytes, formatCount, formatPercent } from '../ui/format.ts';

/** What is going on, in one line; `share` is how far it has come, where that is known. */
export interface ProgressLine {
  readonly text: string;
  readonly detail?: string;
  readonly bar?: { readonly label: string; readonly share: number | null };
}

export function progressLine(phase: Phase, run: Run | null): ProgressLine {
  switch (phase.at) {
    case 'idle':
      return { text: 'No model is loaded yet.', detail: 'Generate or Load model loads it.' };
    case 'loading': {
      const { loadedBytes, totalBytes } = totalProgress(phase.files);
      return {
        text: `Loading ${phase.modelId}${phase.queued ? '; the text begins when it is there' : ''}`,
        detail: [
          totalBytes > 0 ? `${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}` : '',
          phase.room
            ? `the weights take ${formatBytes(phase.room.weightBytes)} ${memoryOf(phase.room.adapter)}`
            : '',
        ]
          .filter((part) => part !== '')
          .join('; '),
        bar: { label: 'Loading the model', share: totalBytes > 0 ? loadedBytes / totalBytes : null },
      };
    }
    case 'failed':
      return { text: 'No model is loaded.' };
    case 'generating':
      return !run || run.prefilledShare < 1
        ? {
            text: 'Reading the prompt',
            detail: formatPercent(run?.prefilledShare ?? 0),
            bar: { label: 'Reading the prompt', share: run?.prefilledShare ?? null },
          }
        : { text: 'Writing' };
    case 'measuring':
      return { text: phase.what, bar: { label: 'Measuring', share: phase.share } };
    case 'ready':
      return { text: run?.end ? describeEnd(run) : 'Ready.' };
  }
}

function describeEnd(run: Run): string {
  const tokens = formatCount(run.newTokens, 'token');
  switch (run.end) {
    case 'length':
      return `Done: ${tokens}.`;
    case 'end-of-text':
      return `Done: the model ended the text after ${tokens}.`;
    case 'stopped':
      return `Stopped after ${tokens}.`;
    default:
      return 'The run failed.';
  }
}

const memoryOf = ({ backend }: ModelFacts['adapter']) =>
  backend === 'webgpu' ? 'of GPU memory' : 'of memory';
