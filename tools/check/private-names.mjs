// No tracked text may name a path of one machine, a path outside the project, or the host of a package registry.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** @type {readonly { what: string, pattern: RegExp }[]} */
const rules = [
  { what: 'a path of one machine', pattern: /(?<![\w.*~)}\]-])\/(?:work|root|home|Users)\/[\w.]/ },
  { what: 'a path of one machine', pattern: /\b[A-Z]:\\+Users\\/ },
  {
    what: 'the host of a package registry',
    pattern: /\b(?:registry|deb|pypi|security)\.[a-z-]+\.(?:org|com|io)\b/,
  },
  { what: 'an address of a package registry', pattern: /"resolved": "https?:/ },
  // A folder beside the repository, in which its authors may keep notes that readers do not have.
  { what: 'a path outside the project', pattern: /(?<![\w./-])(?:\.\.\/)*shared\/[\w*-]/ },
];

/**
 * Finds what should not be published in a text.
 *
 * @param {string} text
 * @returns {{ line: number, what: string }[]}
 */
export const privateNames = (text) =>
  text
    .split('\n')
    .flatMap((content, index) =>
      rules.filter(({ pattern }) => pattern.test(content)).map(({ what }) => ({ line: index + 1, what })),
    );

if (process.argv[1] === import.meta.filename) {
  const root = resolve(import.meta.dirname, '../..');
  const files = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0');
  let found = 0;
  for (const file of files.filter((name) => name !== '')) {
    let content;
    try {
      content = readFileSync(resolve(root, file));
    } catch {
      continue; // deleted in the work tree
    }
    if (content.includes(0)) continue; // not text
    for (const { line, what } of privateNames(content.toString('utf8'))) {
      console.log(`${file}:${line}: ${what}`);
      found++;
    }
  }
  if (found > 0) process.exitCode = 1;
}
