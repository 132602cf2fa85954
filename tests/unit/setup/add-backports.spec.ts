import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const script = resolve(import.meta.dirname, '../../../tools/setup/add-backports.sh');

let apt = '';
beforeEach(() => {
  apt = mkdtempSync(join(tmpdir(), 'kvtab-apt-'));
  mkdirSync(join(apt, 'sources.list.d'));
});
afterEach(() => {
  rmSync(apt, { recursive: true });
});

const put = (file: string, lines: readonly string[]) => {
  writeFileSync(join(apt, file), `${lines.join('\n')}\n`);
};
const add = () => execFileSync('bash', [script, apt, 'bookworm'], { encoding: 'utf8', stdio: 'pipe' }).trim();
const read = (file: string) => readFileSync(join(apt, file), 'utf8').trim().split('\n');

// Needs only a POSIX shell. Windows has no apt to set up.
describe.skipIf(process.platform === 'win32')('adding the backports suite', () => {
  it('copies the stanza of the suite and changes only the suite names', () => {
    put('sources.list.d/debian.sources', [
      '# comment',
      'Types: deb deb-src',
      'URIs: http://mirror.test/debian',
      'Suites: bookworm bookworm-updates',
      'Components: main contrib',
      'Signed-By:',
      ' -----BEGIN KEY-----',
      ' .',
      ' abc',
      '',
      'Types: deb',
      'URIs: http://mirror.test/security',
      'Suites: bookworm-security',
      'Components: main',
    ]);
    add();
    expect(read('sources.list.d/kvtab-backports.sources')).toEqual([
      'Types: deb deb-src',
      'URIs: http://mirror.test/debian',
      'Suites: bookworm-backports',
      'Components: main contrib',
      'Signed-By:',
      ' -----BEGIN KEY-----',
      ' .',
      ' abc',
    ]);
  });

  it('reads a list of suites that continues on the next line', () => {
    put('sources.list.d/debian.sources', [
      'Types: deb',
      'Suites:',
      ' bookworm-updates',
      ' bookworm',
      'URIs: http://m.test',
    ]);
    add();
    expect(read('sources.list.d/kvtab-backports.sources')).toEqual([
      'Types: deb',
      'Suites: bookworm-backports',
      'URIs: http://m.test',
    ]);
  });

  it('copies a one-line entry with its options', () => {
    put('sources.list', [
      '# deb http://old.test/debian bookworm main',
      'deb-src http://mirror.test/debian bookworm main',
      'deb http://mirror.test/security bookworm-security main',
      'deb [ arch=amd64 signed-by=/usr/share/keyrings/debian.gpg ] http://mirror.test/debian bookworm main contrib',
    ]);
    add();
    expect(read('sources.list.d/kvtab-backports.list')).toEqual([
      'deb [ arch=amd64 signed-by=/usr/share/keyrings/debian.gpg ] http://mirror.test/debian bookworm-backports main contrib',
    ]);
  });

  it.each(['deb http://mirror.test/debian bookworm main', 'deb [trusted=yes] http://m.test bookworm main'])(
    'copies %j',
    (line) => {
      put('sources.list', [line]);
      add();
      expect(read('sources.list.d/kvtab-backports.list')).toEqual([
        line.replace('bookworm', 'bookworm-backports'),
      ]);
    },
  );

  it('prefers Debian’s own file to another vendor’s entry for the same suite', () => {
    put('sources.list.d/another.sources', ['Types: deb', 'URIs: http://vendor.test', 'Suites: bookworm']);
    put('sources.list.d/debian.sources', ['Types: deb', 'URIs: http://mirror.test', 'Suites: bookworm']);
    add();
    expect(read('sources.list.d/kvtab-backports.sources')).toContain('URIs: http://mirror.test');
  });

  it('changes nothing when it runs a second time', () => {
    put('sources.list', ['deb http://mirror.test/debian bookworm main']);
    add();
    expect(add()).toMatch(/already/);
    expect(readdirSync(join(apt, 'sources.list.d'))).toEqual(['kvtab-backports.list']);
  });

  it('changes nothing if the suite is already there', () => {
    const stanza = ['Types: deb', 'URIs: http://mirror.test'];
    put('sources.list.d/debian.sources', [...stanza, 'Suites: bookworm']);
    put('sources.list.d/backports.sources', [...stanza, 'Suites: bookworm-backports']);
    expect(add()).toMatch(/already/);
    expect(readdirSync(join(apt, 'sources.list.d'))).toEqual(['backports.sources', 'debian.sources']);
  });

  it('ignores a disabled stanza', () => {
    const stanza = ['Types: deb', 'URIs: http://mirror.test'];
    put('sources.list.d/debian.sources', [...stanza, 'Suites: bookworm']);
    put('sources.list.d/backports.sources', ['Enabled: no', ...stanza, 'Suites: bookworm-backports']);
    expect(add()).toMatch(/added/);
  });

  it('reports that there is nothing to copy', () => {
    put('sources.list', ['deb http://mirror.test/debian trixie main']);
    expect(add).toThrow(/no entry for bookworm/);
  });
});
