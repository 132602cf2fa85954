import type { Newer, StoredModel } from '../../../worker/protocol/hub.ts';
import type { Failure } from '../../../worker/protocol/failure.ts';
import { explain } from '../../ui/explain.ts';
import { formatBytes, formatDuration } from '../../ui/format.ts';

/** What is going on between this device and a server, as far as the page knows. */
export type Download =
  | { readonly at: 'nothing' }
  /** The server is asked what there is. */
  | { readonly at: 'asking'; readonly id: string }
  | { readonly at: 'found'; readonly id: string; readonly files: number; readonly missingBytes: number }
  | Running
  | { readonly at: 'checked'; readonly id: string; readonly repairedBytes: number }
  | { readonly at: 'stored'; readonly id: string; readonly model: StoredModel }
  | { readonly at: 'streaming'; readonly id: string }
  | { readonly at: 'failed'; readonly id: string; readonly failure: Failure };

export interface Running {
  readonly at: 'downloading' | 'checking';
  readonly id: string;
  readonly loadedBytes: number;
  /** 0 until it is known. */
  readonly totalBytes: number;
  readonly bytesPerSec: number | null;
  readonly paused: boolean;
  /** Another tab does it. */
  readonly following: boolean;
  /** Why the next try waits, and how long. */
  readonly waiting: { readonly reason: string; readonly forMs: number } | null;
}

/** What the status says. */
export function downloadLine(download: Download): string {
  switch (download.at) {
    case 'nothing':
      return 'Nothing is being downloaded.';
    case 'asking':
      return `Asking for ${download.id}…`;
    case 'found':
      return download.missingBytes === 0
        ? `${download.id} is stored on this device. Load model needs no network.`
        : `${download.id}: ${formatBytes(download.missingBytes)} to download, in ${download.files} files. Nothing was fetched yet; press Load model.`;
    case 'downloading':
    case 'checking':
      return runningLine(download);
    case 'checked':
      return download.repairedBytes === 0
        ? `${download.id} was read again: every digest is right.`
        : `${download.id} was read again: ${formatBytes(download.repairedBytes)} were damaged and have been replaced.`;
    case 'stored':
      return `${download.id} is stored and verified: ${formatBytes(download.model.totalBytes)}.`;
    case 'streaming':
      return `${download.id} is loaded without being stored.`;
    case 'failed':
      return explain(download.failure);
  }
}

/** What is said of a branch that has moved on. */
export const newerLine = ({ revision, storedCommit, commit }: Newer): string =>
  `${revision} has a newer commit than the stored one (${shortCommit(storedCommit)} → ${shortCommit(commit)}).`;

export const shortCommit = (commit: string) => commit.slice(0, 7);

function runningLine({
  at,
  id,
  loadedBytes,
  totalBytes,
  bytesPerSec,
  paused,
  following,
  waiting,
}: Running): string {
  const doing = paused
    ? 'Paused'
    : at === 'checking'
      ? 'Checking'
      : following
        ? 'Another tab downloads'
        : 'Downloading';
  const sizes = totalBytes === 0 ? '' : `: ${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}`;
  const far = `${doing} ${id}${sizes}`;
  if (paused) return `${far}.`;
  if (waiting) return `${far}; ${waiting.reason}, next try in ${formatDuration(waiting.forMs)}.`;
  if (totalBytes === 0) return `${far}…`;
  if (bytesPerSec === null || bytesPerSec <= 0) return `${far}.`;
  const left = formatDuration(((totalBytes - loadedBytes) / bytesPerSec) * 1000);
  return `${far}, ${formatBytes(bytesPerSec)}/s, ${left} left.`;
}
