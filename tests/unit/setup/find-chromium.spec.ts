import { writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chromiumPlaces, findChromium } from '../../../tools/setup/find-chromium.mjs';
import { useProgramFolder } from '../../support/program-folder.ts';

const { path, program } = useProgramFolder();

describe.skipIf(process.platform === 'win32')('finding a Chromium', () => {
  it('prefers the one that the environment names to the system’s', () => {
    program('chromium');
    const named = program('my-browser');
    expect(findChromium({ PATH: path(), KVTAB_CHROMIUM: named })).toBe(named);
  });

  it('fails if the environment names one that cannot be run', () => {
    expect(() => findChromium({ KVTAB_CHROMIUM: path('missing') })).toThrow(/KVTAB_CHROMIUM/);
  });

  it('finds the system’s on the PATH, and skips files that cannot be run', () => {
    writeFileSync(path('chromium'), '');
    const chrome = program('google-chrome');
    expect(findChromium({ PATH: ['/nowhere', path()].join(delimiter) })).toBe(chrome);
  });

  it('knows the usual places of macOS and Windows', () => {
    expect(chromiumPlaces({}, 'darwin').join()).toMatch(/Google Chrome\.app/);
    expect(chromiumPlaces({ PROGRAMFILES: 'P' }, 'win32').join()).toMatch(/chrome\.exe/);
  });
});
