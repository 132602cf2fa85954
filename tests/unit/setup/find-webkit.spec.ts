import { writeFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findWebKit, missingForWebKit } from '../../../tools/setup/find-webkit.mjs';
import { useProgramFolder } from '../../support/program-folder.ts';

const { path, program } = useProgramFolder();

describe.skipIf(process.platform === 'win32')('finding WebKit', () => {
  it('prefers the driver and the browser that the environment names to the system’s', () => {
    const [driver, browser] = [program('my-driver'), program('my-browser')];
    const env = {
      PATH: path(),
      KVTAB_WEBKIT_DRIVER: driver,
      KVTAB_WEBKIT_BROWSER: browser,
    };
    program('WebKitWebDriver');
    expect(findWebKit(env, [program('MiniBrowser')])).toMatchObject({ driver, browser });
  });

  it('fails if the environment names one that cannot be run', () => {
    expect(() => findWebKit({ KVTAB_WEBKIT_DRIVER: path('missing') }, [])).toThrow(/KVTAB_WEBKIT_DRIVER/);
    expect(() => findWebKit({ KVTAB_WEBKIT_BROWSER: path('missing') }, [])).toThrow(/KVTAB_WEBKIT_BROWSER/);
  });

  it('finds the system’s, and skips files that cannot be run', () => {
    writeFileSync(path('not-executable'), '');
    const [driver, browser, xServer] = [program('WebKitWebDriver'), program('MiniBrowser'), program('Xvfb')];
    const env = { PATH: ['/nowhere', path()].join(delimiter) };
    expect(findWebKit(env, [path('not-executable'), browser])).toEqual({ driver, browser, xServer });
    expect(findWebKit({ PATH: '/nowhere' }, [])).toEqual({
      driver: undefined,
      browser: undefined,
      xServer: undefined,
    });
  });
});

describe('what the tests in WebKit lack', () => {
  const found = { driver: '/a/WebKitWebDriver', browser: '/a/MiniBrowser', xServer: '/a/Xvfb' };

  it('is named completely', () => {
    expect(missingForWebKit(found)).toBeNull();
    expect(missingForWebKit({ ...found, xServer: undefined })).toMatch(/^Xvfb/);
    expect(missingForWebKit({ ...found, driver: undefined, browser: undefined })).toMatch(
      /WebKitWebDriver .*KVTAB_WEBKIT_DRIVER.* and .*MiniBrowser .*KVTAB_WEBKIT_BROWSER/,
    );
  });
});
