import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chromiumPlaces, findChromium } from '../../../tools/setup/find-chromium.mjs';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kvtab-browser-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function program(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '');
  chmodSync(path, 0o755);
  return path;
}

describe.skipIf(process.platform === 'win32')('finding a Chromium', () => {
  it('takes the one that the environment names before the system’s', () => {
    program('chromium');
    const named = program('my-browser');
    expect(findChromium({ PATH: folder, KVTAB_CHROMIUM: named })).toBe(named);
  });

  it('fails where the environment names one that cannot be run', () => {
    expect(() => findChromium({ KVTAB_CHROMIUM: join(folder, 'missing') })).toThrow(/KVTAB_CHROMIUM/);
  });

  it('finds the system’s on the PATH, and passes over what cannot be run', () => {
    writeFileSync(join(folder, 'chromium'), '');
    const chrome = program('google-chrome');
    expect(findChromium({ PATH: ['/nowhere', folder].join(delimiter) })).toBe(chrome);
  });

  it('knows the usual places of macOS and Windows', () => {
    expect(chromiumPlaces({}, 'darwin').join()).toMatch(/Google Chrome\.app/);
    expect(chromiumPlaces({ PROGRAMFILES: 'P' }, 'win32').join()).toMatch(/chrome\.exe/);
  });
});
