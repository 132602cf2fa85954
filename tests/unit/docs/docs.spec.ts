import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { privateNames } from '../../../tools/check/private-names.mjs';
import { anchorsOf, brokenLinks, linksOf } from './links.ts';

const root = resolve(import.meta.dirname, '../../..');
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => file !== '');

const documents = tracked.filter((file) => /^(?:[A-Z]+\.md|docs\/.+\.md|tools\/.+\.md)$/.test(file));

describe('The documents', () => {
  it('are the README, the recipes, the changelog and those of docs', () => {
    for (const file of [
      'README.md',
      'CONTRIBUTING.md',
      'CHANGELOG.md',
      'docs/semantics.md',
      'docs/architecture.md',
    ])
      expect(documents).toContain(file);
  });

  it.each(documents)('%s has no broken link', (file) => {
    expect(brokenLinks(root, file)).toEqual([]);
  });

  it('README.md is a tour of at most 130 lines', () => {
    expect(readFileSync(join(root, 'README.md'), 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(
      130,
    );
  });

  it('index every decision, each with a context, a decision and consequences', () => {
    const records = documents.filter((file) => /^docs\/decisions\/\d{4}-/.test(file));
    const index = linksOf(readFileSync(join(root, 'docs/decisions/README.md'), 'utf8'));
    expect(records.map((file) => file.replace('docs/decisions/', ''))).toEqual(index);
    for (const file of records) {
      const text = readFileSync(join(root, file), 'utf8');
      for (const part of ['Context', 'Decision', 'Consequence']) expect(text, file).toContain(`**${part}.**`);
    }
  });

  it('name only commands that are scripts of package.json', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = documents.flatMap((file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/npm run (?:--silent )?([a-z][\w:-]*)/g)].map(
        ([, name]) => name,
      ),
    );
    expect(named.length).toBeGreaterThan(10);
    expect([...new Set(named)].filter((name) => name !== undefined && !(name in scripts))).toEqual([]);
  });
});

it('No tracked text names a path that exists on one machine only', () => {
  const texts = tracked
    .map((file) => ({ file, content: readFileSync(join(root, file)) }))
    .filter(({ content }) => !content.includes(0));
  expect(texts.length).toBeGreaterThan(500);
  const found = texts.flatMap(({ file, content }) =>
    privateNames(content.toString('utf8')).map(({ line, what }) => `${file}:${line}: ${what}`),
  );
  expect(found).toEqual([]);
});

describe('The check of links', () => {
  it('makes the same anchors as GitHub', () => {
    const text =
      '# The `mask`, once\n\n## A [link](x.md) here\n\n## Twice\n\n## Twice\n\n```\n# no heading\n```\n';
    expect([...anchorsOf(text)]).toEqual(['the-mask-once', 'a-link-here', 'twice', 'twice-1']);
  });

  it('reports missing files, missing headings and ways out, but nothing in code or on other sites', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kvtab-links-'));
    try {
      writeFileSync(join(folder, 'other.md'), '# There\n');
      writeFileSync(
        join(folder, 'page.md'),
        '# Here\n[a](other.md#there) [b](#here) [c](https://example.org/x) `[d](no.md)`\n\n' +
          '```\n[e](no.md)\n```\n[f](no.md) [g](other.md#gone) [h](../up.md) ![i](no.png)\n',
      );
      expect(brokenLinks(folder, 'page.md')).toEqual([
        'page.md: no.md does not exist',
        'page.md: there is no heading for other.md#gone',
        'page.md: ../up.md leads out of the project',
        'page.md: no.png does not exist',
      ]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
