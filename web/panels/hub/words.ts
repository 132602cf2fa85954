/** Everything that the Hub panel says. */
import { HEALED_ENDPOINT } from '../../../worker/endpoint.ts';
import type { Looked, Newer, StoredModel } from '../../../worker/protocol/hub.ts';
import type { StorageLoss } from '../../../worker/storage/connection.ts';
import { explain } from '../../ui/explain.ts';
import { formatBytes, formatDuration } from '../../ui/format.ts';
import type { KvPrecision } from '../../../gpu/kv/usage.ts';
import { settings } from '../../../worker/settings/settings.ts';
import type { Download, Running } from './download.ts';
import { unreadableWords } from '../../ui/unreadable.ts';
import { countInWords } from './number-words.ts';
import type { Needed, Outlook } from './outlook.ts';
import type { Keeping } from './shipped.svelte.ts';

const formats = settings.weights.options;

export const words = {
  repository: 'Repository',
  repositoryHint: 'owner/name on the Hub, with @revision if you want one, or the address of its page.',
  endpoint: 'Endpoint',
  token: 'Access token',
  tokenHint: 'For gated models. It is sent to this endpoint only.',
  rememberToken: 'Remember the token on this device',
  look: 'Look',
  lookFirst: 'Look first',
  lookAt: (name: string) => `Look at ${name}`,
  suggestions: (count: number) => `${capital(countInWords(count))} models to start with`,
  suggestion: (about: string, size: string, license: string | null) =>
    `${about}. ${size}; ${license ?? 'its page names no license'}.`,
  load: 'Load model',
  resume: 'Resume download',
  pause: 'Pause download',
  cancel: 'Cancel download',
  loadWithoutStoring: 'Load without storing',
  download: 'Download',
  progress: 'Progress of the download',
  lookAgain: 'Nothing was downloaded. Check the connection and the endpoint, and press Look first again.',
  checkAgain: 'The check did not come to its end: press Check again. What was mended stays.',
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
  outlook: {
    title: (repository: string) => `What ${repository} needs`,
    verdict: 'Does it fit',
    caption: 'Memory for the weights',
    format: 'Weights',
    gpu: 'GPU',
    cpu: 'CPU',
    kv: ({ layerTypes, contextTokens, kvBytesPerToken, kvBytes }: Outlook, precision: KvPrecision) =>
      `KV of one text at the full context of ${contextTokens.toLocaleString('en')} tokens: ${formatBytes(kvBytes)} in ${precision}, ${formatBytes(kvBytesPerToken)} per token, by its own plan ${layerTypes}.`,
    memory: 'Memory to fit into, GiB',
    memoryHint:
      'Browsers do not say how much memory a GPU has: enter yours. The CPU backend never has more than 4 GiB.',
  },
  offline: {
    title: 'Models of this page',
    works: 'Works offline',
    needsNetwork: 'Needs the network',
    keepAll: (count: number, bytes: number | null) =>
      `Keep all ${countInWords(count)}${bytes ? ` (${formatBytes(bytes)})` : ''}`,
    stop: 'Stop keeping',
    status: 'Keeping for offline use',
    progress: 'Progress of keeping',
  },
} as const;

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** Whether a model fits into the memory, and in which formats. */
export function verdictLine({ rows, contextTokens }: Outlook, memoryBytes: number): string {
  const said = (backend: string, on: 'gpu' | 'cpu') => {
    const names = rows.filter((row) => row[on].longestText > 0).map(({ format }) => formats[format]);
    if (names.length === rows.length) return `fits on the ${backend} in every format`;
    return names.length === 0
      ? `does not fit on the ${backend} in any format`
      : `fits on the ${backend} only in ${names.join(' or ')}`;
  };
  const bounded = rows
    .flatMap(({ gpu, cpu }) => [gpu, cpu])
    .some(({ longestText }) => longestText > 0 && longestText < contextTokens);
  const shorter = bounded ? ' Where the table names a number of tokens, longer texts do not fit.' : '';
  return `With ${formatBytes(memoryBytes)}, it ${said('GPU', 'gpu')}, and ${said('CPU', 'cpu')}.${shorter}`;
}

/** Whether the weights fit, and if only short texts fit beside them, how long they may be. */
export function fitLine({ longestText }: Needed, contextTokens: number): string {
  if (longestText === 0) return 'too large';
  return longestText < contextTokens ? `up to ${longestText.toLocaleString('en')} tokens` : 'fits';
}

/** Whether the browser has room to store what is missing of a model; empty if it does not say, or if all is stored. */
export function roomLine({ totalBytes, storedBytes, roomBytes }: Looked): string {
  const missingBytes = totalBytes - storedBytes;
  if (roomBytes === null || missingBytes === 0) return '';
  return missingBytes <= roomBytes
    ? `This browser has room to store it.`
    : `This browser has room to store ${formatBytes(roomBytes)} more, which is not enough: it can only be loaded without storing.`;
}

interface KeepingFacts {
  readonly pageIsKept: boolean;
  /** Whether everything is kept. */
  readonly whole: boolean;
  readonly count: number;
}

/** What the status of keeping the page's own models says. */
export function keepingLine(keeping: Keeping, { pageIsKept, whole, count }: KeepingFacts): string {
  switch (keeping.at) {
    case 'keeping':
      return keeping.totalBytes === null
        ? `Keeping: ${formatBytes(keeping.fetchedBytes)} so far.`
        : `Keeping: ${formatBytes(keeping.fetchedBytes)} of ${formatBytes(keeping.totalBytes)}.`;
    case 'failed':
      return `${explain(keeping.failure)} What was kept stays; press Keep all again for the rest.`;
    case 'stopped':
      return 'Stopped. What was kept stays; press Keep all again for the rest.';
    case 'nothing':
    case 'kept':
      if (!pageIsKept) {
        return 'The page itself is not kept on this device, so nothing opens without a network. Browsers keep it after the first model has loaded, but not in private windows or without HTTPS.';
      }
      return whole ? `All ${countInWords(count)} are kept on this device.` : '';
  }
}

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
  blocked: {
    text: 'Another tab of this page does not let go of the data that this site keeps in your browser.',
    advice:
      'Meanwhile, stored models, saved runs and experiments cannot be read, and nothing new is kept. Close the other tabs, then reload this page.',
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
      return foundLine(download.id, download.looked);
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
      return `${download.id} comes straight from the network, and is not stored.`;
    case 'failed':
      return explain(download.failure);
  }
}

function foundLine(id: string, { files, totalBytes, storedBytes }: Looked): string {
  const missingBytes = totalBytes - storedBytes;
  return missingBytes === 0
    ? `${id} is stored on this device. Load model needs no network.`
    : `${id}: ${formatBytes(missingBytes)} to download, in ${files} files. No weights were fetched yet; press Load model.`;
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
