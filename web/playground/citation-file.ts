import file from '../../CITATION.cff?raw';
import { commit } from './commit.ts';

/** A field of CITATION.cff that is a single line. */
function fieldOf(name: string): string {
  const [, value] = new RegExp(`^(?:  - )?${name}: (.+)$`, 'm').exec(file) ?? [];
  if (value === undefined) throw new Error(`CITATION.cff has no ${name}`);
  return value.trim();
}

export const version = fieldOf('version');

/** Version and commit of this page, as links and stored runs name them. */
export const build = `${version}@${commit}`;

/** The entry for kvtab itself in a bibliography. */
export const kvtabAsBibtex = (page: string, runBuild: string | null, usedAt: Date): string => {
  const [usedVersion, usedCommit] = runBuild?.split('@') ?? [];
  return [
    '@software{kvtab,',
    `  title = {{${fieldOf('title')}: ${fieldOf('abstract')}}},`,
    // The second pair of braces keeps BibTeX from reading a person's name.
    `  author = {{${fieldOf('name')}}},`,
    ...(usedVersion === undefined ? [] : [`  version = {${usedVersion}},`]),
    ...(usedCommit === undefined ? [] : [`  note = {commit ${usedCommit}},`]),
    `  url = {${page}},`,
    `  urldate = {${usedAt.toISOString().slice(0, 10)}},`,
    '}',
  ].join('\n');
};
