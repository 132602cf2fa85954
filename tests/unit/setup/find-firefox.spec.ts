import { writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findFirefox, missingForFirefox } from '../../../tools/setup/find-firefox.mjs';
import { useProgramFolder } from '../../support/program-folder.ts';

const { path, program } = useProgramFolder();

describe.skipIf(process.platform === 'win32')('finding a Firefox', () => {
  it('prefers the one that the environment names to the system’s', () => {
    program('firefox');
    const named = program('my-browser');
    expect(findFirefox({ PATH: path(), KVTAB_FIREFOX: named })).toBe(named);
  });

  it('fails if the environment names one that cannot be run', () => {
    expect(() => findFirefox({ KVTAB_FIREFOX: path('missing') })).toThrow(/KVTAB_FIREFOX/);
  });

  it('finds the system’s on the PATH, and skips files that cannot be run', () => {
    writeFileSync(path('firefox-esr'), '');
    const firefox = program('firefox');
    expect(findFirefox({ PATH: ['/nowhere', path()].join(delimiter) })).toBe(firefox);
    expect(findFirefox({ PATH: '/nowhere' })).toBeUndefined();
  });
});

describe('what the tests in Firefox lack', () => {
  it('is named completely', () => {
    expect(missingForFirefox({ firefox: '/a/firefox', lavapipe: '/a/lvp_icd.json' })).toBeNull();
    expect(missingForFirefox({ firefox: undefined, lavapipe: '/a/lvp_icd.json' })).toMatch(/^Firefox/);
    expect(missingForFirefox({ firefox: undefined, lavapipe: undefined })).toMatch(/Firefox.* and lavapipe/);
  });
});
