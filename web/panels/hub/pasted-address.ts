import { isBelow, readEndpoint } from '../../../worker/endpoint.ts';

/** A model as the fields of the panel name it. */
export interface NamedModel {
  readonly repository: string;
  readonly endpoint: string;
}

/** The Hub's short name of itself. */
const SHORT_HOSTS: Readonly<Record<string, string>> = { 'hf.co': 'https://huggingface.co' };
/** Addresses that people copy without their beginning. */
const BARE = /^(huggingface\.co|hf\.co)\//;
/** What stands between a repository and one of its revisions. */
const VIEWS = ['tree', 'blob', 'resolve', 'raw', 'commit'];
/** Pages of a Hub that are no models. */
const NO_OWNERS = ['api', 'collections', 'datasets', 'docs', 'models', 'papers', 'spaces'];

/**
 * Reads the address of a model's page, as `https://huggingface.co/owner/name/tree/revision`. Whatever follows the
 * revision, and every query, is left out.
 *
 * @param endpoint the one that is entered; the address may lie below it
 * @returns null if the text is not such an address, or if its server may not be asked
 */
export function readPastedAddress(text: string, endpoint: string): NamedModel | null {
  const trimmed = text.trim();
  const address = BARE.test(trimmed) ? `https://${trimmed}` : trimmed;
  if (!address.includes('://') || !URL.canParse(address)) return null;
  const url = new URL(address);
  const server = serverOf(url, endpoint);
  if (server === null) return null;
  const path = url.pathname.slice(new URL(server).pathname.replace(/\/$/, '').length);
  const [owner, name, view, ...after] = decoded(path.split('/').filter((part) => part !== ''));
  if (owner === undefined || name === undefined || NO_OWNERS.includes(owner)) return null;
  const revision = VIEWS.includes(view ?? '') ? revisionIn(after) : '';
  const repository =
    revision === '' || revision === 'main' ? `${owner}/${name}` : `${owner}/${name}@${revision}`;
  return { repository, endpoint: server };
}

/** The endpoint that an address belongs to. It has to keep every rule for endpoints. */
function serverOf(url: URL, entered: string): string | null {
  const { username, password } = url;
  if (username !== '' || password !== '') return null;
  const own = readEndpoint(entered);
  if (own.ok && isBelow(own.endpoint, url)) return own.endpoint;
  const other = readEndpoint(SHORT_HOSTS[url.host] ?? url.origin);
  return other.ok ? other.endpoint : null;
}

/** Revisions of pull requests have slashes, which some addresses do not escape. */
const revisionIn = (parts: readonly string[]): string =>
  (parts[0] === 'refs' ? parts.slice(0, 3) : parts.slice(0, 1)).join('/');

function decoded(parts: readonly string[]): readonly string[] {
  try {
    return parts.map(decodeURIComponent);
  } catch {
    return [];
  }
}
