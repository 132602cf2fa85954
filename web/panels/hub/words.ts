/** Everything that the Hub panel says. */
import { HEALED_ENDPOINT } from '../../../worker/endpoint.ts';
import type { Newer, StoredModel } from '../../../worker/protocol/hub.ts';
import type { StorageLoss } from '../../../worker/storage/connection.ts';
import { explain } from '../../ui/explain.ts';
import { formatBytes, formatDuration } from '../../ui/format.ts';
import type { Download, Running } from './download.ts';
import { unreadableWords } from '../../ui/unreadable.ts';

export const words = {
  repository: 'Repository',
  repositoryHint: 'owner/name on the Hub, with @revision if you want one, or the address of its page.',
  endpoint: 'Endpoint',
  token: 'Access token',
  tokenHint: 'For gated models. It is sent to this endpoint only.',
  rememberToken: 'Remember the token on this device',
  load: 'Load model',
  resume: 'Resume download',
  pause: 'Pause download',
  cancel: 'Cancel download',
  loadWithoutStoring: 'Load without storing',
  download: 'Download',
  progress: 'Progress of the download',
  resumable: 'What has arrived is kept. Resume download continues from there.',
  stored: 'Stored: from now on it starts without a network.',
  newerCommit: 'Newer commit',
  loadNewer: 'Download the newer one',
  undo: 'Undo deleting',
  storedModels: 'Stored models',
  noneStored: 'None yet. A model from the Hub is kept on this device, and then starts without a network.',
  ...unreadableWords,
  commit: 'commit',
  loadStored: 'Load',
  resumeStored: 'Resume',
  resumeStoredName: (name: string) => `Resume the download of ${name}`,
  check: 'Check',
  delete: 'Delete',
  deleteAll: 'Delete all',
  leaving: (names: string) =>
    `Deleted: ${names}. What is deleted leaves this device for good in a minute, or before the next download.`,
  loadStoredName: (name: string) => `Load ${name} from this device`,
  checkName: (name: string) => `Check ${name}`,
  deleteName: (name: string) => `Delete ${name}`,
  inAll: (bytes: number) => `${formatBytes(bytes)} in all.`,
} as const;

/** What happened to the stored data, what is lost, and what to do. */
export const storageLossWords: Readonly<
  Record<StorageLoss, { readonly text: string; readonly advice: string }>
> = {
  deleted: {
    text: 'The data that this site keeps in your browser was deleted while the page was open.',
    advice:
      'Stored models, saved runs and remembered tokens are gone from this device. What is loaded still runs. To store a model again, press Load model.',
  },
  'taken-over': {
    text: 'Another tab runs a newer version of this page, which keeps its data in another form.',
    advice: 'Nothing is lost, but this tab can store nothing any more. Reload it.',
  },
};

/** What the status of the download says. */
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

function runningLine(download: Running): string {
  const { id, loadedBytes, totalBytes, bytesPerSec, paused, waiting } = download;
  const sizes = totalBytes === 0 ? '' : `: ${formatBytes(loadedBytes)} of ${formatBytes(totalBytes)}`;
  const far = `${doing(download)} ${id}${sizes}`;
  if (paused) return `${far}.`;
  if (waiting) return `${far}; ${waiting.reason}, next try in ${formatDuration(waiting.forMs)}.`;
  if (totalBytes === 0) return `${far}…`;
  if (bytesPerSec === null || bytesPerSec <= 0) return `${far}.`;
  const left = formatDuration(((totalBytes - loadedBytes) / bytesPerSec) * 1000);
  return `${far}, ${formatBytes(bytesPerSec)}/s, ${left} left.`;
}

function doing({ at, paused, following }: Running): string {
  if (paused) return 'Paused';
  if (at === 'checking') return 'Checking';
  return following ? 'Another tab downloads' : 'Downloading';
}

/** What the page says about a branch that has moved on. */
export const newerLine = ({ revision, storedCommit, commit }: Newer): string =>
  `${revision} has a newer commit than the stored one (${shortCommit(storedCommit)} → ${shortCommit(commit)}).`;

export const olderIsKept = 'The stored one is kept until you delete it.';

export const shortCommit = (commit: string) => commit.slice(0, 7);

/** Size and state of a stored model. */
export function stateOf({ verified, storedBytes, totalBytes }: StoredModel): string {
  switch (verified.state) {
    case 'sound':
      return `${formatBytes(totalBytes)}, verified ${dateAndTime(verified.atMs)}`;
    case 'damaged':
      return `${formatBytes(totalBytes)}, damaged: ${verified.file}`;
    case 'incomplete':
      return `${formatBytes(storedBytes)} of ${formatBytes(totalBytes)}, not complete`;
  }
}

export const copiesLine = (bytes: number) =>
  bytes === 0 ? '' : `, and ${formatBytes(bytes)} of quantized weights`;

/** The branch or tag of a stored model, in front of its commit. */
export const revisionOf = ({ endpoint, revision, commit, superseded }: StoredModel) =>
  endpoint === HEALED_ENDPOINT
    ? superseded
      ? 'an older healing, '
      : ''
    : revision === commit
      ? ''
      : `${superseded ? 'an older ' : ''}${revision}, `;

/** Where a stored model came from and when, after its commit. */
export function originOf({ endpoint, storedAtMs }: StoredModel, defaultEndpoint: string): string {
  const from =
    endpoint === defaultEndpoint
      ? ''
      : endpoint === HEALED_ENDPOINT
        ? ', healed on this device'
        : `, from ${endpoint}`;
  return storedAtMs === null ? from : `${from}, stored ${dateAndTime(storedAtMs)}`;
}

const dateAndTime = (ms: number) =>
  new Date(ms).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' });
