import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** Markdown without its code, which holds no links and no headings. */
const prose = (text: string) =>
  text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]()]/g, ''));

/** The anchors that GitHub makes from the headings of a Markdown text. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>();
  for (const [, title = ''] of prose(text).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = title
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let i = 1; anchors.has(anchor); i++) anchor = `${slug}-${i}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Targets of the links and pictures of a Markdown text, without those on other sites. */
export const linksOf = (text: string): readonly string[] =>
  [...prose(text).matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target));

/** The broken links of a Markdown file: to a missing file or heading, or out of the project. */
export function brokenLinks(root: string, file: string): readonly string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return linksOf(text).flatMap((target) => {
    const [path = '', anchor] = target.split('#');
    const to = path === '' ? join(root, file) : resolve(root, dirname(file), decodeURIComponent(path));
    if (relative(root, to).startsWith('..')) return [`${file}: ${target} leads out of the project`];
    if (!existsSync(to)) return [`${file}: ${target} does not exist`];
    if (anchor === undefined) return [];
    if (statSync(to).isFile() && to.endsWith('.md') && anchorsOf(readFileSync(to, 'utf8')).has(anchor))
      return [];
    return [`${file}: there is no heading for ${target}`];
  });
}
