/** What a person types to say which model: read strictly, because links bring such texts too. */
import { Refused } from '../outcome.ts';

/** A repository at a revision, as `owner/name` or `owner/name@revision`. */
export interface Reference {
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** Where the Hub's own branch begins. */
const DEFAULT_REVISION = 'main';

/** Names as the Hub allows them: letters, digits, `-`, `_` and `.`, the last three neither first nor last. */
const NAME = /^[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;
/** Names that git takes for branches and tags, less what no repository of models uses. */
const REVISION = /^[A-Za-z0-9](?:[\w./-]{0,253}[\w-])?$/;

/**
 * Reads the name of a repository.
 *
 * @throws Refused with `bad-request` naming `repository`
 */
export function parseReference(text: string): Reference {
  const [path = '', revision = DEFAULT_REVISION, ...more] = text.trim().split('@');
  const [owner = '', name = '', ...deeper] = path.split('/');
  const whole = more.length === 0 && deeper.length === 0;
  if (!whole || !NAME.test(owner) || !NAME.test(name) || /\.\.|--/.test(path)) {
    refuse('repository', `“${abridge(text)}” is not written as owner/name or owner/name@revision`);
  }
  if (!REVISION.test(revision) || /\.\.|\/\/|\/\./.test(revision)) {
    refuse('repository', `“${abridge(revision)}” cannot be a branch, a tag or a commit`);
  }
  return { repository: `${owner}/${name}`, revision };
}

/**
 * A server's address without a slash at its end: https anywhere, http only on this machine, where a page served
 * securely may ask it.
 *
 * @throws Refused with `bad-request` naming `endpoint`
 */
export function parseEndpoint(text: string): string {
  const trimmed = text.trim();
  if (!URL.canParse(trimmed)) return refuse('endpoint', `“${abridge(trimmed)}” is not an address`);
  const { protocol, hostname, username, password, search, hash, href } = new URL(trimmed);
  const local = ['localhost', '127.0.0.1'].includes(hostname);
  if (protocol !== 'https:' && !(protocol === 'http:' && local)) {
    refuse('endpoint', `“${abridge(trimmed)}” does not begin with https://`);
  }
  if (username !== '' || password !== '' || search !== '' || hash !== '') {
    refuse('endpoint', 'a server’s address has no name, password, question mark or hash in it');
  }
  return href.replace(/\/+$/, '');
}

const abridge = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

function refuse(field: string, reason: string): never {
  throw new Refused({ code: 'bad-request', field, reason });
}
