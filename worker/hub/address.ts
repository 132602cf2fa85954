/** Reads which model a person or a link asks for. Strict, because links come from anybody. */
import { readEndpoint } from '../endpoint.ts';
import { Refused } from '../outcome.ts';

/** A repository at a revision, as `owner/name` or `owner/name@revision`. */
export interface Reference {
  /** `owner/name`. */
  readonly repository: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
}

/** Longer texts are no references: two names and a revision. */
const LONGEST = 500;
/** The Hub's own default branch. */
export const DEFAULT_REVISION = 'main';

/** Names that the Hub allows: letters, digits, `-`, `_` and `.`, starting with a letter or digit. */
const NAME = /^[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9_])?$/;
/** The names of branches and tags that git allows, without those that no repository of models uses. */
const REVISION = /^[A-Za-z0-9](?:[\w./-]{0,253}[\w-])?$/;

/** Whether a server may call a repository so: `owner/name`. */
export function isRepository(path: string): boolean {
  const [owner = '', name = '', ...deeper] = path.split('/');
  return deeper.length === 0 && NAME.test(owner) && NAME.test(name) && !/\.\.|--/.test(path);
}

/**
 * Reads the name of a repository.
 *
 * @throws Refused with `bad-request` naming `repository`
 */
export function parseReference(text: string): Reference {
  const [path = '', revision = DEFAULT_REVISION, ...more] = text.trim().split('@');
  if (text.length > LONGEST || more.length > 0 || !isRepository(path)) {
    refuse('repository', `“${abridge(text)}” is not of the form owner/name or owner/name@revision`);
  }
  if (!REVISION.test(revision) || /\.\.|\/\/|\/\./.test(revision)) {
    refuse('repository', `“${abridge(revision)}” cannot be a branch, a tag or a commit`);
  }
  return { repository: path, revision };
}

/**
 * A server's address in its one form, see {@link readEndpoint}.
 *
 * @throws Refused with `bad-request` naming `endpoint`
 */
export function parseEndpoint(text: string): string {
  const read = readEndpoint(text);
  return read.ok ? read.endpoint : refuse('endpoint', read.reason);
}

const abridge = (text: string) => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

function refuse(field: string, reason: string): never {
  throw new Refused({ code: 'bad-request', field, reason });
}
