// Which commit computes here.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from './build-for-node.mjs';

/** What decides about numbers. */
const folders = ['gpu', 'worker'];

/** @param {readonly string[]} args */
const git = (args) =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

function digestOfSources() {
  const hash = createHash('sha256');
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  for (const file of files.sort()) hash.update(`${relative(root, file)}\0`).update(readFileSync(file));
  return hash.digest('hex').slice(0, 12);
}

/** The commit; with a digest of the sources if they were changed since, and that alone without git. */
export function engineCommit() {
  try {
    const commit = git(['rev-parse', '--short=12', 'HEAD']);
    const isChanged = git(['status', '--porcelain', '--', ...folders]) !== '';
    return isChanged ? `${commit}.${digestOfSources()}` : commit;
  } catch {
    return digestOfSources();
  }
}
