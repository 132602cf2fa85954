// The built page of a whole run of tests: vitest calls this before the suites that open the page in a browser.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildSite } from './build-site.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of the built page. Suites that run at the same time read it, so none may write there. */
    builtSite: string;
  }
}

export default function provideSite({ provide }: TestProject): (() => void) | undefined {
  // `npm test` builds once for all suites.
  const built = process.env['KVTAB_BUILT_SITE'];
  if (built !== undefined) {
    provide('builtSite', built);
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'kvtab-page-'));
  buildSite(folder);
  provide('builtSite', folder);
  return () => rmSync(folder, { recursive: true, force: true });
}
