import type { Failure, HubRefusal, PagePart } from '../../worker/protocol/failure.ts';
import { badLayerTypes } from './bad-layer-types.ts';
import { formatBytes } from './format.ts';

/** What went wrong, in one sentence. Only this file turns failures into English. */
export function explain(failure: Failure): string {
  switch (failure.code) {
    case 'no-webgpu':
      return `This browser offers no WebGPU here (${failure.reason}).`;
    case 'limit-too-small':
      return `The GPU gives at most ${formatBytes(failure.available)} to one buffer (${failure.limit}), and ${failure.what} needs ${formatBytes(failure.needed)}.`;
    case 'out-of-memory':
      return `There is no room for ${failure.what} (${formatBytes(failure.bytes)}).`;
    case 'device-lost':
      return `The GPU was reset (${failure.reason}).`;
    case 'thread-lost':
      return 'A thread of the processor stopped while it computed.';
    case 'not-finite':
      return `The model's logits are not finite (${placeOf(failure.where)}, first at position ${failure.position}${failure.sequence === undefined ? '' : ` of text ${failure.sequence + 1}`}).`;
    case 'bad-layer-types':
      return badLayerTypes(failure);
    case 'bad-config': {
      const { file, field, reason } = failure;
      if (file === null) return `The model cannot run with this ${field}: ${reason}.`;
      return `${file} cannot be used: ${field === file ? '' : `${field}: `}${reason}.`;
    }
    case 'bad-weights':
      return `${failure.file} cannot be used: ${failure.reason}.`;
    case 'bad-tokenizer':
      return `The model's tokenizer cannot be used: ${failure.reason}.`;
    case 'bad-template':
      return `The model's chat template cannot be used: ${failure.reason}.`;
    case 'bad-request':
      // Of the Hub: nothing was to run yet.
      if (['repository', 'revision', 'endpoint'].includes(failure.field)) {
        return `The ${failure.field} cannot be used: ${failure.reason}.`;
      }
      return `The run was refused because of ${failure.field}: ${failure.reason}.`;
    case 'download-failed':
      if (failure.status === 404) return `${failure.file} is missing: ${failure.reason}.`;
      return failure.status > 0
        ? `${failure.file} could not be fetched: the server answered ${failure.status}${askedToWait(failure.retryAfterSec)}.`
        : `${failure.file} could not be fetched: ${failure.reason}.`;
    case 'hub-refused':
      return refused[failure.why](failure.repository, failure.endpoint);
    case 'damaged-file':
      return `${failure.file} is damaged: ${failure.reason}.`;
    case 'no-room':
      return `This browser has room for ${formatBytes(failure.availableBytes)} more; ${formatBytes(failure.neededBytes)} are needed, so ${formatBytes(failure.neededBytes - failure.availableBytes)} are missing.`;
    case 'no-storage':
      return `Nothing can be stored on this device now (${failure.reason}).`;
    case 'not-stored':
      return `${failure.model} is not stored on this device any more.`;
    case 'storage-lost':
      return 'The data that this site keeps in the browser was deleted during the download, stored models included.';
    case 'cancelled':
      return 'The download was cancelled.';
    case 'unreadable-file':
      return `${failure.file} cannot be read (${failure.reason}); it may have been changed, moved or removed since it was opened.`;
    case 'not-one-model':
      return failure.folders.length === 0
        ? `There is no config.json among these files (${listed(failure.files)}), so they are no model.`
        : `These files hold several models: ${listed(failure.folders)}.`;
    case 'export-failed':
      return `${failure.file} could not be written: ${failure.reason}.`;
    case 'no-model':
      return 'No model is loaded.';
    case 'stopped':
      return 'The measurement was stopped.';
    case 'internal':
      return `Something in kvtab broke (${failure.reason}).`;
    default:
      return failure satisfies never;
  }
}

const placeOf = (where: number | 'embedding' | 'head') =>
  typeof where === 'number' ? `layer ${where}` : where;

const pagePart: PagePart = 'A part of the page';

/** A file of a model that ships: the others are named without a folder. */
const ofThePage =
  /^[^/]+\/[^/]+\.(?:safetensors|jinja)$|\/(?:config|generation_config|tokenizer|tokenizer_config)\.json$/;
const keepThem =
  ' Models marked “Works offline” need none. To have all of them, press “Keep all seven”, under “Models of this page”, while you are online.';

/** What a person can do about it, in a sentence or two. */
export function advise(failure: Failure): string {
  switch (failure.code) {
    case 'no-webgpu':
      return 'Choose the CPU backend, or open the page in a browser with WebGPU.';
    case 'limit-too-small':
      return 'Try a smaller model, a shorter text, or the CPU backend.';
    case 'out-of-memory':
      return 'Ask for fewer new tokens, share more KV, keep the weights in fewer bits, or close other tabs, then press Generate.';
    case 'device-lost':
    case 'thread-lost':
      return 'Press Generate to load the model again.';
    case 'not-finite':
      return 'Its numbers overflow: choose f32 for the KV and the weights, or load another checkpoint.';
    case 'bad-layer-types':
      return 'Correct the entry; the presets give working plans.';
    case 'bad-config':
      return failure.file === null
        ? 'Change that setting and press Generate.'
        : 'Choose another model: kvtab reads llama, lckv-llama, mistral, qwen2 and qwen3.';
    case 'bad-request':
      return failure.field === 'prompt'
        ? 'Change the prompt and press Generate.'
        : 'Change that setting and press Generate.';
    case 'bad-template':
      return 'Change the conversation or the instructions, or continue with plain text.';
    case 'bad-weights':
    case 'bad-tokenizer':
      return 'Choose another model, or another copy of this one.';
    case 'download-failed':
      if (failure.file === pagePart) return 'Reload the page; what you wrote and chose stays.';
      if (failure.status === 404) return 'Choose another model, or one whose files are complete.';
      return `Check the connection and press Generate to try again.${failure.status === 0 && ofThePage.test(failure.file) ? keepThem : ''}`;
    case 'hub-refused':
      return advices[failure.why];
    case 'damaged-file':
      return 'Delete the stored model, and load or heal it again. If a download is damaged again, the server’s own copy is.';
    case 'no-room':
      return 'Delete stored models or free space on the device, or load it without storing it.';
    case 'no-storage':
      return 'Let this site store data, close its other tabs, and reload the page. A model of the Hub can also be loaded without storing it.';
    case 'not-stored':
      return 'Press Load model to download it.';
    case 'storage-lost':
      return 'Press Load model to download it again.';
    case 'cancelled':
      return 'The downloaded part is kept: press Resume download to continue.';
    case 'unreadable-file':
      return 'Open the folder again; if that does not help, replace the file.';
    case 'not-one-model':
      return failure.folders.length === 0
        ? 'Open a folder as Hugging Face writes it: config.json, safetensors (not GGUF or PyTorch files) and, for text, tokenizer.json.'
        : 'Open the folder of one of them.';
    case 'export-failed':
      return 'Free some space or choose another place, and export again.';
    case 'no-model':
      return 'Press Generate to load it.';
    case 'stopped':
      return 'Start it again to see the whole result.';
    case 'internal':
      return 'Press Generate to try again. If it happens again, please report it with this message.';
    default:
      return failure satisfies never;
  }
}

const refused: Readonly<Record<HubRefusal, (repository: string, endpoint: string) => string>> = {
  'no-such-repository': (repository, endpoint) => `There is no model ${repository} at ${endpoint}.`,
  'no-such-revision': (repository, endpoint) => `${repository} at ${endpoint} has no such revision.`,
  'needs-token': (repository, endpoint) =>
    `${endpoint} does not give ${repository} to everybody: it is gated or private, or there is no such model.`,
  'token-is-wrong': (_, endpoint) => `${endpoint} does not know this access token.`,
  'not-allowed': (repository, endpoint) => `${endpoint} does not let this access token read ${repository}.`,
  'web-page': (repository, endpoint) =>
    `${endpoint} answers with a web page, perhaps a login page, instead of ${repository}.`,
};

const advices: Readonly<Record<HubRefusal, string>> = {
  'no-such-repository': 'Correct the name; it is written as owner/name.',
  'no-such-revision': 'Correct the part after the @, or leave it out.',
  'needs-token': 'Check the name, or enter an access token of an account that may read it.',
  'token-is-wrong': 'Correct the access token, or clear the field.',
  'not-allowed': 'Accept the model’s terms on its page with that account, or use another token.',
  'web-page':
    'Check the server’s address. If the server or your network wants you to log in, do that in another tab and try again.',
};

const askedToWait = (seconds: number | undefined) =>
  seconds === undefined ? '' : ` and asks to wait ${seconds} s`;

const MOST_LISTED = 5;

/** The first few names, and how many more there are. */
function listed(names: readonly string[]): string {
  const more = names.length - MOST_LISTED;
  return names.slice(0, MOST_LISTED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}
